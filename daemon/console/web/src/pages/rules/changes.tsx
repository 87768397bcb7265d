// What one rule set says otherwise than another, rule by rule: before publishing, and for each version.
import type { Condition, LayerField, RuleChange, RuleChangePart } from "../../api/types";
import { Status, type Tone } from "../../ui/status";
import { describe } from "./condition";
import css from "./versions.module.css";

const WORD: Record<RuleChange["change"], string> = { added: "Added", removed: "Removed", changed: "Changed", moved: "Moved", fallback: "Changed" };
const TONE: Record<RuleChange["change"], Tone> = { added: "ok", removed: "bad", changed: "warn", moved: "info", fallback: "warn" };
const PART: Record<RuleChangePart["part"], string> = {
  name: "Name", enabled: "Switch", condition: "Condition", target: "Target", unavailable: "When nobody is there", fallback: "Otherwise",
};

export function Changes({ changes, fields }: { changes: RuleChange[]; fields: Map<string, LayerField> }) {
  return (
    <ul className={css["changes"]}>
      {changes.map((change, index) => (
        <li key={`${change.rule?.id ?? "fallback"} ${change.change} ${index}`}>
          <div className={css["head"]}>
            <Status tone={TONE[change.change]}>{WORD[change.change]}</Status>
            <strong>{change.rule?.name ?? "Fallback"}</strong>
            {place(change)}
          </div>
          {change.parts.filter((part) => worthSaying(change, part)).map((part) => (
            <dl key={part.part} className={css["part"]}>
              <dt>{PART[part.part]}</dt>
              {change.change === "added" ? null : <dd><del>{words(part, part.before, fields)}</del></dd>}
              {change.change === "removed" ? null : <dd><ins>{words(part, part.after, fields)}</ins></dd>}
            </dl>
          ))}
        </li>
      ))}
    </ul>
  );
}

function place({ change, from, to }: RuleChange) {
  if (change === "moved") return <span>from position {from} to {to}</span>;
  if (change === "added") return <span>at position {to}</span>;
  return change === "removed" ? <span>from position {from}</span> : null;
}

/** Of a rule that is new or gone, what is as usual is not told. */
function worthSaying({ change }: RuleChange, { part, before, after }: RuleChangePart): boolean {
  if (change === "changed" || change === "fallback") return true;
  const value = change === "added" ? after : before;
  return part === "condition" || part === "target" || (part === "enabled" && value === false) || (part === "unavailable" && value === "pass_on");
}

interface TargetSide { kind: "user" | "pool" | "queue"; name: string | null }
const KIND = { user: "Rep", pool: "Pool", queue: "Queue" } as const;

function words({ part }: RuleChangePart, value: unknown, fields: Map<string, LayerField>): string {
  switch (part) {
    case "condition": return describe(value as Condition, fields);
    case "target":
    case "fallback": return targetWords(value as TargetSide | null);
    case "enabled": return value === true ? "On" : "Off";
    case "unavailable": return value === "pass_on" ? "The next rules are tried" : "The lead waits";
    default: return String(value);
  }
}

function targetWords(side: TargetSide | null): string {
  return side === null ? "Nobody" : `${KIND[side.kind]}: ${side.name ?? "no longer there"}`;
}
