// The parts of a rule set: its rules and its territories, drafted and published together.
import { useQuery } from "@tanstack/react-query";
import { rulesQuery, territoryStateQuery } from "../../api/queries";
import { path } from "../../paths";
import { SubNav } from "../../shell/sub-nav";

export function RulesNav() {
  const rules = useQuery(rulesQuery()).data?.items.length;
  const territories = useQuery(territoryStateQuery()).data?.territories;
  return <SubNav label="Rules" items={[{ to: path.rules(), label: "Rules", count: rules }, { to: path.territories(), label: "Territories", count: territories }]} />;
}
