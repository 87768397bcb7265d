// The data layer: which fields leave the CRM, why, since when and by whom; and what machines can see, which is this and no more.
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { IconDatabase, IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "react-router";
import { layerQuery, OBJECT } from "../../api/queries";
import { useCan } from "../../api/session";
import type { LayerField, LayerObject } from "../../api/types";
import { count, plural } from "../../lib/format";
import { path } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Time } from "../../ui/facts";
import { PageHead, Panel } from "../../ui/page";
import { Empty } from "../../ui/states";
import { Status } from "../../ui/status";
import { type Column, RecordTable, TwoLines } from "../../ui/table";
import { AddField } from "./add-field";
import { Boundary } from "./boundary";
import { DATA_CLASS } from "./data-class";
import { RecordsPanel } from "./records";
import { RemoveField } from "./remove-field";

export function Page() {
  const query = useQuery(layerQuery());
  const mayEdit = useCan("layer_edit");
  const [adding, setAdding] = useState(false);
  return (
    <>
      <PageHead title="Data layer" actions={mayEdit ? <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setAdding(true)}>Add a field</Button> : undefined}>
        A copy of the few fields that routing needs, inside your network. Rules and machines see these fields and nothing else of the CRM.
      </PageHead>
      <QueryView query={query} what="The data layer">
        {(objects) => {
          const lead = objects.find(({ object }) => object === OBJECT);
          return lead && lead.fields.length > 0 ? (
            <>
              <Boundary layer={lead} />
              <FieldsPanel layer={lead} mayEdit={mayEdit} />
              <RecordsPanel fields={lead.fields} />
            </>
          ) : (
            <Panel>
              <Empty icon={IconDatabase} title="The layer is empty" action={mayEdit ? <Button onClick={() => setAdding(true)}>Add the first field</Button> : undefined}>
                Choose the fields that your rules will ask about. Each needs a reason, which stands beside it from then on.
              </Empty>
            </Panel>
          );
        }}
      </QueryView>
      {adding ? <AddField onClose={() => setAdding(false)} /> : null}
    </>
  );
}

function FieldsPanel({ layer, mayEdit }: { layer: LayerObject; mayEdit: boolean }) {
  const columns: Column<LayerField>[] = [
    { id: "field", header: "Field", width: "22%", cell: (field) => <TwoLines main={field.label} sub={`${field.name}, ${field.type}`} /> },
    { id: "class", header: "Class", width: "110px", cell: (field) => <Status tone={DATA_CLASS[field.data_class].tone}>{DATA_CLASS[field.data_class].word}</Status> },
    { id: "reason", header: "Why it is here", cell: (field) => <span title={field.reason}>{field.reason}</span>, hideBelow: "sm" },
    { id: "used", header: "Used by", width: "18%", hideBelow: "md", cell: (field) => <UsedBy field={field} /> },
    { id: "added", header: "Since", width: "150px", hideBelow: "lg", cell: (field) => <TwoLines main={<Time at={field.added_at} />} sub={field.added_by?.name ?? "Revkeep"} /> },
    { id: "remove", header: "Remove", width: "92px", right: true, cell: (field) => <RemoveField field={field} records={layer.records} mayEdit={mayEdit} /> },
  ];
  return (
    <Panel title={`Fields of ${layer.object}`} note={<>{plural(layer.fields.length, "field")} of {plural(layer.records, "record")}. Last import <Time at={layer.last_import_at} ago />.</>} flush>
      <RecordTable label="Fields in the layer" rows={layer.fields} columns={columns} rowKey={(field) => field.id} />
    </Panel>
  );
}

function UsedBy({ field }: { field: LayerField }) {
  const [first] = field.used_by;
  if (!first) return <>{field.required ? "Routing itself" : "no rule"}</>;
  return <><Link to={path.rule(first.rule_id)}>{first.name}</Link>{field.used_by.length > 1 ? ` and ${count(field.used_by.length - 1)} more` : ""}</>;
}
