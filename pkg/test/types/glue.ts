// The declaration that the sources were compiled against fits what wasm-bindgen made.
import type * as built from "../../dist/wasm/everfresh.js";
import type * as declared from "../../src/wasm/everfresh.js";

type Fits<Wanted, Got extends Wanted> = Got;
export type CoreFits = Fits<typeof declared.Core, typeof built.Core>;
export type InitFits = Fits<typeof declared.default, typeof built.default>;
