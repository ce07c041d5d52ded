// A page with nothing to show says what it would show, and how to get there.
import type { ComponentChildren, JSX } from "preact";

interface Props {
  readonly title: string;
  readonly busy?: boolean;
  readonly children?: ComponentChildren;
}

export function EmptyState({ title, busy = false, children }: Props): JSX.Element {
  return (
    <div class="empty" data-testid="empty">
      {busy && <span class="spinner" aria-hidden="true" />}
      <h2>{title}</h2>
      {children}
    </div>
  );
}
