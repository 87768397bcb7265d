// What the layer holds, row by row: exactly what a machine could be shown.
import { TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useInfiniteQuery } from "@tanstack/react-query";
import { IconDatabase, IconSearch } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useNavigate } from "react-router";
import { layerRecordsQuery } from "../../api/queries";
import type { LayerField, LayerRecord } from "../../api/types";
import { path } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Time } from "../../ui/facts";
import { Panel } from "../../ui/page";
import { Empty } from "../../ui/states";
import { type Column, RecordTable } from "../../ui/table";

/** More columns than this do not fit; the record's own page has all of them. */
const COLUMNS = 5;

export function RecordsPanel({ fields }: { fields: LayerField[] }) {
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [q] = useDebouncedValue(text.trim(), 300);
  const query = useInfiniteQuery(layerRecordsQuery(q));
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  const columns: Column<LayerRecord>[] = [
    { id: "id", header: "Record", width: "182px", cell: (row) => <span className="mono">{row.record_id}</span> },
    ...fields.filter((field) => field.type !== "id").slice(0, COLUMNS).map((field, at): Column<LayerRecord> => ({
      id: field.id, header: field.label, cell: (row) => show(row.fields[field.name]), ...(at > 0 ? { hideBelow: at > 2 ? "lg" : "sm" } : {}),
    })),
    { id: "imported", header: "Imported", width: "110px", right: true, hideBelow: "sm", cell: (row) => <Time at={row.imported_at} ago /> },
  ];
  return (
    <Panel
      title="Records" note="As they stand in the layer." flush
      actions={<TextInput size="xs" aria-label="Find a record" placeholder="Find a record" leftSection={<IconSearch size={14} aria-hidden />} value={text} onChange={(event) => setText(event.currentTarget.value)} />}
    >
      <QueryView query={query} what="The records">
        {() => rows.length === 0 ? (
          <Empty icon={IconDatabase} title={q === "" ? "No records yet" : "No such record"}>{q === "" ? "They come with the first import, once Salesforce is connected and the router has an enrollment query." : "Search finds record ids and the beginnings of values."}</Empty>
        ) : (
          <RecordTable
            label="Records in the layer" rows={rows} columns={columns} rowKey={(row) => row.record_id} href={(row) => path.record(row.record_id)} onOpen={(row) => { void navigate(path.record(row.record_id)); }}
            more={query.hasNextPage ? { load: () => { void query.fetchNextPage(); }, loading: query.isFetchingNextPage } : undefined}
          />
        )}
      </QueryView>
    </Panel>
  );
}

const show = (value: string | number | boolean | null | undefined): string => (value === null || value === undefined || value === "" ? "–" : value === true ? "yes" : value === false ? "no" : String(value));
