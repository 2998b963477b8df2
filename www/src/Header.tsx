import { ConnectionIndicator } from "./instruments/ConnectionIndicator";
import { TabBadge } from "./instruments/TabBadge";
import { PersonMenu } from "./people/PersonMenu";
import { Leaf } from "./ui/icons";
import "./Header.css";

export function Header() {
  return (
    <header className="header">
      <div className="header-inner">
        <p className="brand">
          <span className="brand-mark">
            <Leaf />
          </span>
          everfresh
        </p>
        <TabBadge />
        <ConnectionIndicator />
        <PersonMenu />
      </div>
    </header>
  );
}
