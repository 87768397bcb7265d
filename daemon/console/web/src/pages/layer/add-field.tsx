// Adding a field: from what Salesforce describes, with a class and a reason, the effect said before it happens.
import { Button, Group, Modal, Radio, Select, Stack, Textarea } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link } from "react-router";
import { client } from "../../api/client";
import { hasCode, messageOf, Problem, requestIdOf } from "../../api/problem";
import { availableFieldsQuery, invalidateTopics, OBJECT } from "../../api/queries";
import type { AvailableField, DataClass, LayerField } from "../../api/types";
import { api, path } from "../../paths";
import { Fault, LoadingRows } from "../../ui/states";
import { Notice } from "../../ui/status";
import { useToast } from "../../ui/toast";
import { DATA_CLASS } from "./data-class";

const CLASSES: DataClass[] = ["crm_business", "crm_personal", "crm_id"];
const isClass = (text: string): text is DataClass => text in DATA_CLASS;

export function AddField({ onClose }: { onClose(): void }) {
  const available = useQuery({ ...availableFieldsQuery(), retry: false });
  return (
    <Modal opened onClose={onClose} title="Add a field to the layer" size="lg" closeButtonProps={{ "aria-label": "Close" }}>
      {available.data ? <AddForm fields={available.data} onClose={onClose} /> : available.isError ? (
        hasCode(available.error, "connection_unavailable") ? (
          <Notice tone="warn" title="Salesforce cannot be asked which fields it has" actions={<Button size="xs" variant="default" component={Link} to={path.connections()}>To the connection</Button>}>{available.error.message}</Notice>
        ) : <Fault title="The fields could not be read" message={messageOf(available.error)} requestId={requestIdOf(available.error)} onRetry={() => { void available.refetch(); }} />
      ) : <LoadingRows rows={4} label="Reading the fields of Salesforce" />}
    </Modal>
  );
}

function AddForm({ fields, onClose }: { fields: AvailableField[]; onClose(): void }) {
  const [name, setName] = useState<string | null>(null);
  const [reason, setReason] = useState("");
  const [dataClass, setDataClass] = useState<DataClass>("crm_business");
  const queries = useQueryClient();
  const toast = useToast();
  const field = fields.find((one) => one.name === name);
  const add = useMutation({
    mutationFn: () => client.post<LayerField>(api.layerFields(OBJECT), { name, reason: reason.trim(), data_class: dataClass }, { create: true }),
    onSuccess: (added) => {
      invalidateTopics(queries, ["layer"]);
      toast.done(`${added.label} is in the layer. Its values come with the next import.`);
      onClose();
    },
  });
  const problem = add.error instanceof Problem ? add.error : undefined;
  const beside = ["name", "reason", "data_class"].some((one) => problem?.forField(one));
  const choose = (next: string | null) => {
    setName(next);
    const chosen = fields.find((one) => one.name === next);
    if (chosen) setDataClass(chosen.personal ? "crm_personal" : chosen.type === "id" || chosen.type === "reference" ? "crm_id" : "crm_business");
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        {add.isError && !beside ? <Notice tone="bad" title="Not added">{messageOf(add.error)}</Notice> : null}
        <Select
          label="Field" searchable placeholder="Search by label or name" value={name} onChange={choose} error={problem?.forField("name")} data-autofocus
          data={fields.filter((one) => !one.in_layer).map((one) => ({ value: one.name, label: `${one.label} (${one.name})` }))} nothingFoundMessage="No such field, or it is already in the layer"
        />
        <Radio.Group label="Data class" value={dataClass} error={problem?.forField("data_class")} onChange={(next) => { if (isClass(next)) setDataClass(next); }}>
          <Stack gap={8} mt={6}>{CLASSES.map((one) => <Radio key={one} value={one} label={DATA_CLASS[one].word} description={DATA_CLASS[one].note} />)}</Stack>
        </Radio.Group>
        {field?.personal && dataClass !== "crm_personal" ? <Notice tone="warn" title="Salesforce's own description suggests that this field is personal">Choose another class only if you know better.</Notice> : null}
        <Textarea
          label="Why does routing need it?" description="It stands beside the field from then on, for anyone who audits it." autosize minRows={2} placeholder="Rules send leads to the team of their country."
          value={reason} error={problem?.forField("reason")} onChange={(event) => setReason(event.currentTarget.value)}
        />
        {field ? <Notice tone="info" title="What will happen">{`${field.label} of every enrolled lead is read from Salesforce with the next import and kept in this database. Rules can ask about it from then on.`}</Notice> : null}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>Cancel</Button>
          <Button type="submit" loading={add.isPending} disabled={name === null || reason.trim() === ""}>Add field</Button>
        </Group>
      </Stack>
    </form>
  );
}
