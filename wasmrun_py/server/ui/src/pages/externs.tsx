// Imports or exports in a table that can be searched.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Extern } from "../api";
import { formatCount } from "../parts/format";
import { Signature } from "../parts/signature";

const MOST_SHOWN = 100;

interface Props {
  readonly title: "Imports" | "Exports";
  readonly items: readonly Extern[];
  readonly total: number;
}

export function ExternTable({ title, items, total }: Props): JSX.Element {
  const [filter, setFilter] = useState("");
  const wanted = filter.toLowerCase();
  const found = items.filter((each) => `${each.module ?? ""} ${each.name} ${each.kind}`.toLowerCase().includes(wanted));
  const one = title.slice(0, -1).toLowerCase();
  return (
    <div class="card externs" data-testid={title.toLowerCase()}>
      <div class="bar">
        <h2>{total ? formatCount(total, one) : title}</h2>
        {items.length > 8 && (
          <input type="search" placeholder="Filter" aria-label={`Filter ${title.toLowerCase()}`} value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
        )}
      </div>
      {total === 0 && <p class="more">{title === "Imports" ? "It needs nothing from outside." : "It offers nothing."}</p>}
      <ul>
        {found.slice(0, MOST_SHOWN).map((each, place) => (
          <li key={place}>
            <span class="name">
              {each.module && <span class="muted">{each.module}.</span>}
              {each.name}
            </span>
            <span class="tag">{each.kind}</span>
            <span class="type-words">
              {each.params ? <Signature params={each.params} results={each.results ?? []} /> : each.type !== each.kind && each.type}
            </span>
            {each.members && each.members.length > 0 && <Members items={each.members} />}
          </li>
        ))}
      </ul>
      {found.length > MOST_SHOWN && <p class="more">… and {found.length - MOST_SHOWN} more: filter by name.</p>}
    </div>
  );
}

function Members({ items }: { readonly items: readonly Extern[] }): JSX.Element {
  return (
    <details>
      <summary>{formatCount(items.length, "member")}</summary>
      <ul>
        {items.slice(0, MOST_SHOWN).map((each, place) => (
          <li key={place}>
            <span class="name">{each.name}</span> <span class="type-words">{each.type}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}
