// An area in words, and as a row that is written.
import type { Area } from "../../api/types";

/** As it is said in reasons: its conditions with commas. */
export function areaWords(area: Area): string {
  const { country, state, postal, industry, size, fields } = area;
  const parts = [
    country, state, postal && `postal ${postal.from === postal.until ? postal.from : `${postal.from} to ${postal.until}`}`, industry,
    size && (size.until === undefined ? `${size.from} employees or more` : `${size.from} to ${size.until} employees`),
    ...Object.entries(fields ?? {}).map(([name, value]) => `${name} ${value}`),
  ];
  return parts.filter((part) => part !== undefined && part !== "").join(", ");
}

/** What stands in the inputs of one area. */
export interface AreaRow {
  key: number; country: string; state: string; from: string; until: string; industry: string; least: number | string; most: number | string;
  /** Conditions on other fields, which are kept as they are. */
  fields: Record<string, string>;
}

export const newRow = (key: number): AreaRow => ({ key, country: "", state: "", from: "", until: "", industry: "", least: "", most: "", fields: {} });

export const toRow = (area: Area, key: number): AreaRow => ({
  key, country: area.country ?? "", state: area.state ?? "", from: area.postal?.from ?? "", until: area.postal?.until ?? "", industry: area.industry ?? "",
  least: area.size?.from ?? "", most: area.size?.until ?? "", fields: area.fields ?? {},
});

export function toArea(row: AreaRow): Area {
  const text = (value: string) => value.trim();
  const [from, until] = [text(row.from) || text(row.until), text(row.until) || text(row.from)];
  const [least, most] = [Number(row.least), Number(row.most)];
  return {
    ...(text(row.country) ? { country: text(row.country) } : {}),
    ...(text(row.state) ? { state: text(row.state) } : {}),
    ...(from ? { postal: { from, until } } : {}),
    ...(text(row.industry) ? { industry: text(row.industry) } : {}),
    ...(row.least === "" && row.most === "" ? {} : { size: { from: least, ...(row.most === "" ? {} : { until: most }) } }),
    ...(Object.keys(row.fields).length > 0 ? { fields: row.fields } : {}),
  };
}

/** What is wrong with a row, in words; nothing when it can be saved. */
export function rowProblem(row: AreaRow, codes: boolean): string | undefined {
  const area = toArea(row);
  if (Object.keys(area).length === 0) return "Give a condition: an area without one would take in every lead.";
  if (codes && area.country !== undefined && !/^[A-Za-z]{2}$/.test(area.country)) return "Give the country as two letters, such as DE.";
  if (area.postal && !area.country) return "Postal codes need a country: the same code stands in many.";
  if (area.postal && (area.postal.from.length !== area.postal.until.length || area.postal.from > area.postal.until)) return "Give two postal codes of one length, the lower one first.";
  if (area.size?.until !== undefined && area.size.until < area.size.from) return "The most employees are fewer than the least.";
  return undefined;
}
