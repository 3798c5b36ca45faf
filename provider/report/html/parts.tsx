import type { ComponentChildren } from "preact";
import { showMoment } from "../words";

/** How something is, in the three ways that a reader can tell: a shape, a colour and a word. */
export type Standing = "ok" | "bad" | "warn" | "none";

/** A word with its shape and colour, which the style sheet draws before it. */
export function Mark({ is, children }: { readonly is: Standing; readonly children: ComponentChildren }) {
  return <span class={`mark ${is}`}>{children}</span>;
}

/** How an item's elements tell the script which item they are of, and whether it is well. */
export function itemAttributes(number: number, faults: readonly unknown[]) {
  return faults.length === 0 ? { "data-item": number } : { "data-item": number, "data-bad": "" };
}

/** An instant that machines can read as well; a word where there is none. */
export function Moment({ at, none = "never" }: { readonly at: string | null; readonly none?: string }) {
  return at === null ? <span class="muted">{none}</span> : <time dateTime={at}>{showMoment(at)}</time>;
}

interface SectionProps {
  readonly id: string;
  readonly title: string;
  /** What a reader should know of it, in a sentence. */
  readonly note?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** A section of the page, reached by its heading. */
export function Section({ id, title, note, children }: SectionProps) {
  return (
    <section id={id} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      {note === undefined ? null : <p class="note">{note}</p>}
      {children}
    </section>
  );
}

interface TableProps {
  readonly caption: string;
  readonly head: readonly (string | ComponentChildren)[];
  /** Names of the columns' classes, such as `number` or `wide`. */
  readonly columns?: readonly string[];
  readonly className?: string | undefined;
  readonly children: ComponentChildren;
}

/** A table that scrolls by itself where the page is too narrow for it. */
export function Table({ caption, head, columns = [], className, children }: TableProps) {
  return (
    <div class="scroll" role="region" aria-label={`Table: ${caption}`} tabIndex={0}>
      <table class={className}>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {head.map((title, index) => (
              <th key={index} scope="col" class={columns[index]}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
