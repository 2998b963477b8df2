import { Leaf } from "./icons";
import "./Brand.css";

export function Brand() {
  return (
    <p className="brand">
      <span className="brand-mark">
        <Leaf />
      </span>
      everfresh
    </p>
  );
}
