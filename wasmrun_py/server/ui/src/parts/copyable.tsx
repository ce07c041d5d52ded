// A command to be typed into a terminal, and a button that copies it.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Icon } from "./icons";

export function CopyableCommand({ command }: { readonly command: string }): JSX.Element {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(command);
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  return (
    <div class="command">
      <code data-testid="command">{command}</code>
      <button type="button" class="quiet small" onClick={() => void copy().catch(() => undefined)}>
        <Icon name={copied ? "check" : "copy"} />
        {copied ? "Copied" : "Copy"}
      </button>
    </div>
  );
}
