import { ConnectionIndicator } from "./instruments/ConnectionIndicator";
import { TabBadge } from "./instruments/TabBadge";
import { PersonMenu } from "./people/PersonMenu";
import { Brand } from "./ui/Brand";
import "./Header.css";

export function Header() {
  return (
    <header className="header">
      <div className="header-inner">
        <Brand />
        <TabBadge />
        <ConnectionIndicator />
        <PersonMenu />
      </div>
    </header>
  );
}
