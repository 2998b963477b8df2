import { Flask } from "../ui/icons";
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
      <a href="/backends" title="The same list and calendar over other backends, or over three layers">
        Backends
      </a>
      <a className="scenes-stage" href="/stage" title="Several devices side by side, and a lab to break their network">
        <Flask />
        Stage<span className="scenes-stage-more"> and lab</span>
      </a>
    </nav>
  );
}
