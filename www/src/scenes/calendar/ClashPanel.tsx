import type { Block } from "./api";
import type { Clash } from "./BlockCard";
import { freeNear, overlaps } from "./slots";
import { clockOf, spanWords } from "./time";

/** Where a block was put down on another one: free times of the same length nearby, or the server is asked all the same. */
export function ClashPanel({ clash, blocks, over }: { clash: Clash; blocks: readonly Block[]; over: () => void }) {
  const { block, to, move } = clash;
  const choose = (span: typeof to) => {
    over();
    move(span);
  };
  const others = overlaps(blocks, block.id, to).map(({ title }) => title);
  return (
    <div className="clash" role="group" aria-label="This time is taken" data-testid="clash">
      <p>
        <strong>{spanWords(to)}</strong> is taken by {others.join(" and ")}. Free that day:
      </p>
      <div className="clash-choices">
        {freeNear(blocks, block.id, to, 3).map((span) => (
          <button key={span.start} type="button" className="button button-small number" data-testid="clash-free" onClick={() => choose(span)}>
            {clockOf(span.start)}
          </button>
        ))}
        <button type="button" className="button button-small" data-testid="clash-anyway" onClick={() => choose(to)}>
          Ask the server anyway
        </button>
        <button type="button" className="button button-small" data-testid="clash-leave" onClick={over}>
          Leave it
        </button>
      </div>
    </div>
  );
}
