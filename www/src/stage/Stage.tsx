import { useEffect } from "react";
import { Lab } from "../lab/Lab";
import { PEOPLE, firstNameOf } from "../people/people";
import { SCENES } from "../scenes/scenes";
import { Brand } from "../ui/Brand";
import { Person, Phone } from "../ui/icons";
import { Agreement } from "./Agreement";
import { DeviceCard } from "./DeviceCard";
import { DEVICES_MOST, addDevice, namesOf, showScene, useStage, userOf } from "./devices";
import { hearTabs } from "./hear";
import { keepHistory } from "./samples";
import { History } from "./History";
import { LatencyStrip } from "./LatencyStrip";
import { watchServer } from "./records";
import { Savings } from "./Savings";
import { ServerRecords } from "./ServerRecords";
import "./Header.css";
import "./Stage.css";

/** Several devices on one page, and what breaks the network between them and the server. */
export function Stage() {
  useEffect(() => {
    const over = [hearTabs(), watchServer(), keepHistory()];
    return () => over.forEach((end) => end());
  }, []);
  const { devices, scene } = useStage();
  const names = namesOf(devices, firstNameOf);
  const away = PEOPLE.find(({ id }) => devices.every((device) => userOf(device) !== id));
  const full = devices.length >= DEVICES_MOST;
  return (
    <>
      <a className="skip-link" href="#devices">
        Skip to the devices
      </a>
      <header className="stage-header">
        <Brand />
        <Agreement />
        <nav className="stage-ways" aria-label="Pages">
          <a href="/">One tab alone</a>
        </nav>
      </header>
      <main className="stage">
        <div className="stage-title">
          <h1>Break the network. Watch it keep up.</h1>
          <p>
            Every window below is a real tab of a real browser session, on one server. Change a task in one and see it in
            all; then take the network away.
          </p>
        </div>
        <Lab names={names} />
        <div className="stage-bar">
          <div className="segments" role="group" aria-label="What the tabs show">
            {SCENES.map(({ id, name }) => (
              <button key={id} type="button" className="segment" aria-pressed={scene === id} data-testid={`scene-${id}`} onClick={() => showScene(id)}>
                {name}
              </button>
            ))}
          </div>
          <div className="stage-add">
            <button
              type="button"
              className="button button-small"
              data-testid="add-person"
              disabled={full || away === undefined}
              onClick={() => away && addDevice(away.id)}
            >
              <Person />
              {away === undefined ? "Everybody is here" : `Add a person: ${firstNameOf(away.id)}`}
            </button>
            <button type="button" className="button button-small" data-testid="add-device" disabled={full} onClick={() => addDevice(PEOPLE[0].id)}>
              <Phone />
              Add a device of {firstNameOf(PEOPLE[0].id)}
            </button>
          </div>
        </div>
        <div className="devices" id="devices" tabIndex={-1}>
          {devices.map((device) => (
            <DeviceCard key={device.id} device={device} name={names.get(device.id) ?? ""} />
          ))}
        </div>
        <section className="stage-instruments" aria-label="Instruments">
          <Savings />
          <LatencyStrip />
          <History />
          <ServerRecords />
        </section>
      </main>
    </>
  );
}
