// What one rule set says otherwise than another, rule by rule: before publishing, and for each version.
import type { Condition, LayerField, RuleChange, RuleChangePart, TerritoryChanges } from "../../api/types";
import { Status, type Tone } from "../../ui/status";
import { describe } from "./condition";
import css from "./versions.module.css";

const WORD: Record<RuleChange["change"], string> = { added: "Added", removed: "Removed", changed: "Changed", moved: "Moved", fallback: "Changed", territories: "Changed" };
const TONE: Record<RuleChange["change"], Tone> = { added: "ok", removed: "bad", changed: "warn", moved: "info", fallback: "warn", territories: "warn" };
const PART: Record<RuleChangePart["part"], string> = {
  name: "Name", enabled: "Switch", condition: "Condition", target: "Target", unavailable: "When nobody is there", fallback: "Otherwise", territories: "Which",
};

export function Changes({ changes, fields }: { changes: RuleChange[]; fields: Map<string, LayerField> }) {
  return (
    <ul className={css["changes"]}>
      {changes.map((change, index) => (
        <li key={`${change.rule?.id ?? "fallback"} ${change.change} ${index}`}>
          <div className={css["head"]}>
            <Status tone={TONE[change.change]}>{WORD[change.change]}</Status>
            <strong>{change.rule?.name ?? (change.change === "territories" ? "Territories" : "Fallback")}</strong>
            {place(change)}
          </div>
          {change.parts.filter((part) => worthSaying(change, part)).map((part) => (
            <dl key={part.part} className={css["part"]}>
              <dt>{PART[part.part]}</dt>
              {change.change === "added" || change.change === "territories" ? null : <dd><del>{words(part, part.before, fields)}</del></dd>}
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
  if (change === "changed" || change === "fallback" || change === "territories") return true;
  const value = change === "added" ? after : before;
  return part === "condition" || part === "target" || (part === "enabled" && value === false) || (part === "unavailable" && value === "pass_on");
}

interface TargetSide { kind: "user" | "pool" | "queue" | "territory"; name: string | null }
const KIND = { user: "Rep", pool: "Pool", queue: "Queue" } as const;

function words({ part }: RuleChangePart, value: unknown, fields: Map<string, LayerField>): string {
  switch (part) {
    case "condition": return describe(value as Condition, fields);
    case "target":
    case "fallback": return targetWords(value as TargetSide | null);
    case "enabled": return value === true ? "On" : "Off";
    case "unavailable": return value === "pass_on" ? "The next rules are tried" : "The lead waits";
    case "territories": return territoryWords(value as TerritoryChanges);
    default: return String(value);
  }
}

/** How many differ, with the first of their names. */
export function territoryWords({ added, changed, removed, names }: TerritoryChanges): string {
  const counts = [[added, "added"], [changed, "changed"], [removed, "removed"]].filter(([count]) => count !== 0).map((pair) => pair.join(" "));
  if (counts.length === 0) return "Another order, or other fields that they are read from";
  const more = added + changed + removed - names.length;
  return `${counts.join(", ")}: ${names.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function targetWords(side: TargetSide | null): string {
  if (side?.kind === "territory") return "The territory's owner";
  return side === null ? "Nobody" : `${KIND[side.kind]}: ${side.name ?? "no longer there"}`;
}
