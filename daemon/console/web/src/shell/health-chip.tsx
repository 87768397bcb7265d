// The chip that names the trouble, not its colour: "Salesforce: reconnect", "Vault sealed".
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { overviewQuery } from "../api/queries";
import { useCan } from "../api/session";
import type { HealthItem, Severity } from "../api/types";
import { path } from "../paths";
import { ToneIcon } from "../ui/status";
import css from "./shell.module.css";

const RANK: Record<Severity, number> = { bad: 3, warn: 2, info: 1, ok: 0 };

/** The item to name: the worst, and the first of those that are equally bad. */
export function worst(items: HealthItem[]): HealthItem | undefined {
  return items.reduce<HealthItem | undefined>((found, item) => (found === undefined || RANK[item.severity] > RANK[found.severity] ? item : found), undefined);
}

export function HealthChip() {
  const allowed = useCan("overview_read");
  const { data, isError } = useQuery({ ...overviewQuery(), enabled: allowed });
  if (!allowed || (!data && !isError)) return null;
  if (!data) return <Link className={`${css["chip"]} ${css["warn"]}`} to={path.overview()}><ToneIcon tone="warn" /><span>Health unknown</span></Link>;
  const item = worst(data.health.items.filter(({ severity }) => severity === "bad" || severity === "warn"));
  const others = data.health.items.filter(({ severity }) => severity === "bad" || severity === "warn").length - 1;
  if (!item) return <Link className={`${css["chip"]} ${css["ok"]}`} to={path.overview()}><ToneIcon tone="ok" /><span>All well</span></Link>;
  return (
    <Link className={`${css["chip"]} ${css[item.severity]}`} to={item.link ?? path.overview()} title={`${item.title}. ${item.detail}`}>
      <ToneIcon tone={item.severity} />
      <span>{item.title}{others > 0 ? ` and ${others} more` : ""}</span>
    </Link>
  );
}
