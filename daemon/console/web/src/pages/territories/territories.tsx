// Territories: which areas there are and who owns them, as part of the rule set's draft.
import { Button, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { IconDownload, IconMap2, IconPlus, IconUpload } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "react-router";
import { client } from "../../api/client";
import { messageOf } from "../../api/problem";
import { layerQuery, OBJECT, routerQuery, territoriesQuery, territoryStateQuery } from "../../api/queries";
import { useCan } from "../../api/session";
import type { LayerField, Territory, TerritoryState } from "../../api/types";
import { save } from "../../lib/csv";
import { count, plural } from "../../lib/format";
import { api, path } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { PageHead, Panel } from "../../ui/page";
import { Empty } from "../../ui/states";
import { Notice } from "../../ui/status";
import { useToast } from "../../ui/toast";
import ui from "../../ui/ui.module.css";
import { DraftBar } from "../rules/draft-bar";
import { RulesNav } from "../rules/rules-nav";
import { areaWords } from "./area";
import { ImportDialog } from "./import-dialog";
import { ReportPanel } from "./report";
import css from "./territories.module.css";
import { TerritoryDrawer } from "./territory-drawer";

const NONE: LayerField[] = [];
/** Areas that stand in a row; the rest is counted. */
const SHOWN = 3;

export function Page() {
  const mayEdit = useCan("rule_edit");
  const state = useQuery(territoryStateQuery());
  const router = useQuery(routerQuery());
  const fields = useQuery(layerQuery()).data?.find(({ object }) => object === OBJECT)?.fields ?? NONE;
  const [importing, setImporting] = useState(false);
  const [open, setOpen] = useState<Territory | "new">();
  const enrolled = router.data !== null;
  const verbs = mayEdit && enrolled ? (
    <>
      <Button variant="default" leftSection={<IconUpload size={16} aria-hidden />} onClick={() => setImporting(true)}>Import</Button>
      <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setOpen("new")}>New territory</Button>
    </>
  ) : undefined;
  return (
    <>
      <PageHead title="Rules" section="Territories" actions={verbs}>A rule can give to the owner of the lead&apos;s territory. Territories are part of the draft and are published with the rules.</PageHead>
      <RulesNav />
      {typeof router.data?.published === "number" ? <DraftBar fields={fields} mayEdit={mayEdit} /> : null}
      <QueryView query={state} what="The territories">
        {(data) => (
          <>
            {data.territories > 0 && !data.asked ? (
              <Notice tone="info" title="No rule asks for the territory yet">
                {mayEdit ? <>Give a <Link to={path.ruleNew()}>rule</Link> the target “The owner of the lead&apos;s territory”; a lead in no territory then goes on to the next rule.</> : "Until a rule gives to the owner of the lead's territory, none of them decides anything."}
              </Notice>
            ) : null}
            {data.territories === 0 ? (
              <Panel title="Territories" flush>
                <Empty icon={IconMap2} title="No territories yet" action={verbs ? <div className={css["verbs"]}>{verbs}</div> : undefined}>
                  {enrolled ? "Import them from a spreadsheet as CSV, or write the first one here. Each has an owner and one or more areas." : "Say on the page Rules which leads are routed; territories come after that."}
                </Empty>
              </Panel>
            ) : (
              <>
                <List state={data} onOpen={setOpen} />
                <ReportPanel />
              </>
            )}
            <ImportDialog opened={importing} state={data} onClose={() => setImporting(false)} />
            <TerritoryDrawer open={open} state={data} mayEdit={mayEdit} onClose={() => setOpen(undefined)} />
          </>
        )}
      </QueryView>
    </>
  );
}

function List({ state, onOpen }: { state: TerritoryState; onOpen(territory: Territory): void }) {
  const [q, setQ] = useState("");
  const [settled] = useDebouncedValue(q.trim(), 300);
  const query = useInfiniteQuery({ ...territoriesQuery(settled), placeholderData: keepPreviousData });
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Panel title="Territories" note={`${plural(state.territories, "territory", "territories")} with ${plural(state.areas, "area")}. Of two that hold a lead the narrower area counts, and of equals the one further up.`} actions={<ExportButton />} flush>
      <div className={css["tools"]}>
        <TextInput aria-label="Search territories" placeholder="Territory or owner" value={q} onChange={(event) => setQ(event.currentTarget.value)} />
      </div>
      <QueryView query={query} what="The territories">
        {() => items.length === 0 ? <p className={css["more"]}>No territory or owner is called so.</p> : (
          <div className={ui["scrollX"]}>
            <table className={ui["plainTable"]} aria-label="Territories">
              <thead><tr><th scope="col">Territory</th><th scope="col">Owner</th><th scope="col">Areas</th></tr></thead>
              <tbody>{items.map((one) => <Row key={one.position} one={one} onOpen={onOpen} />)}</tbody>
            </table>
          </div>
        )}
      </QueryView>
      {query.hasNextPage ? <div className={css["more"]}><Button variant="default" loading={query.isFetchingNextPage} onClick={() => { void query.fetchNextPage(); }}>Show more</Button></div> : null}
    </Panel>
  );
}

const KIND = { user: "Rep", pool: "Pool", queue: "Queue" } as const;

function Row({ one, onOpen }: { one: Territory; onOpen(territory: Territory): void }) {
  const shown = one.areas.slice(0, SHOWN);
  return (
    <tr>
      <td><button type="button" className={css["name"]} onClick={() => onOpen(one)}>{one.name}</button></td>
      <td>{one.owner_name ?? "no longer there"} <span className={css["muted"]}>{KIND[one.owner.kind]}</span></td>
      <td>
        <ul className={css["areas"]}>{shown.map((area, index) => <li key={index}>{areaWords(area)}</li>)}</ul>
        {one.areas_total > SHOWN ? <span className={css["muted"]}>and {count(one.areas_total - SHOWN)} more</span> : null}
      </td>
    </tr>
  );
}

function ExportButton() {
  const [busy, setBusy] = useState(false);
  const toast = useToast();
  const run = async () => {
    setBusy(true);
    try {
      save("territories.csv", await client.file(api.territoryExport(OBJECT)));
    } catch (error) {
      toast.failed(`Nothing exported. ${messageOf(error)}`);
    }
    setBusy(false);
  };
  return <Button variant="default" loading={busy} leftSection={<IconDownload size={16} aria-hidden />} onClick={() => { void run(); }}>Export CSV</Button>;
}
