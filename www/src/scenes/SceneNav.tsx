import { SCENES } from "./scenes";
import "./SceneNav.css";

/** The scenes of the demo, and the stage on which several tabs of them stand side by side. */
export function SceneNav() {
  return (
    <nav className="scenes" aria-label="Scenes">
      {SCENES.map(({ path, name }) => (
        <a key={path} href={path + location.search} aria-current={location.pathname === path ? "page" : undefined}>
          {name}
        </a>
      ))}
      <a className="scenes-stage" href="/stage">
        Several devices, and a lab to break their network
      </a>
    </nav>
  );
}
