// Writing a rule: name, condition, target; problems stand beside their field; a preview over the last 200 records.
import { Button, Select, Stack, Switch, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useMemo, useState } from "react";
import { client } from "../../api/client";
import { hasCode, messageOf, Problem } from "../../api/problem";
import { OBJECT, rulesQuery } from "../../api/queries";
import type { GiveTo, LayerField, Rule, RuleInput, RuleList, Unavailable } from "../../api/types";
import { api } from "../../paths";
import { Time } from "../../ui/facts";
import { Notice } from "../../ui/status";
import { useToast } from "../../ui/toast";
import { type DraftGroup, keyAt, newGroup, problems, toCondition, toDraft, typesOf } from "./condition";
import { ConditionBuilder } from "./condition-builder";
import { RulePreviewPanel } from "./rule-preview";
import css from "./rules.module.css";
import { GiveToPicker } from "./target-picker";
import { useDeleteRule } from "./use-delete-rule";

interface EditorProps { rule: Rule | undefined; list: RuleList; fields: LayerField[]; mayEdit: boolean; onClose(): void; onReload(): Promise<void> }

export function RuleEditor({ rule, list, fields, mayEdit, onClose, onReload }: EditorProps) {
  const [name, setName] = useState(rule?.name ?? "");
  const [enabled, setEnabled] = useState(rule?.enabled ?? true);
  const [draft, setDraft] = useState<DraftGroup>(() => (rule ? toDraft(rule.condition) : newGroup("all")));
  const [target, setTarget] = useState<GiveTo | null>(rule?.target ?? null);
  const [unavailable, setUnavailable] = useState<Unavailable>(rule?.unavailable ?? "wait");
  const [base, setBase] = useState(rule?.version);
  const [tried, setTried] = useState(false);
  const typeOf = useMemo(() => typesOf(fields), [fields]);
  const found = useMemo(() => problems(draft, typeOf), [draft, typeOf]);
  const remove = useDeleteRule(list, onClose);
  const save = useSaveRule(rule, onClose);
  const condition = found.size === 0 ? toCondition(draft, typeOf) : undefined;
  const shown = useMemo(() => withServerProblems(draft, tried ? found : typed(found, draft), save.error), [draft, tried, found, save.error]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (name.trim() === "" || !target || !condition) return;
    save.mutate({ name: name.trim(), enabled, condition, target, unavailable, ...(base === undefined ? {} : { version: base }) });
  };
  const theirs = conflictOf(save.error);
  const takeTheirs = () => {
    if (!theirs) return;
    setName(theirs.name);
    setEnabled(theirs.enabled);
    setDraft(toDraft(theirs.condition));
    setTarget(theirs.target);
    setUnavailable(theirs.unavailable);
    setBase(theirs.version);
    save.reset();
    void onReload();
  };
  const keepMine = () => {
    if (theirs) setBase(theirs.version);
    save.reset();
    void onReload();
  };

  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        {hasCode(save.error, "version_conflict") ? (
          <Notice
            tone="warn" title="Someone else changed this rule while you were writing"
            actions={theirs ? <><Button size="xs" variant="default" onClick={takeTheirs}>Take theirs</Button><Button size="xs" variant="default" onClick={keepMine}>Keep mine, then save again</Button></> : undefined}
          >
            {theirs ? `${theirs.updated_by?.name ?? "Somebody"} saved “${theirs.name}”. Nothing of yours is lost.` : "Close this and open the rule again to see the newest."}
          </Notice>
        ) : save.isError && shown.size === 0 ? <Notice tone="bad" title="Not saved">{messageOf(save.error)}</Notice> : null}
        <TextInput
          label="Name" placeholder="German enterprise leads" data-autofocus disabled={!mayEdit} value={name} onChange={(event) => setName(event.currentTarget.value)}
          error={tried && name.trim() === "" ? "Give the rule a name: it stands in every reason." : save.error instanceof Problem ? save.error.forField("name") : undefined}
        />
        <fieldset disabled={!mayEdit} style={{ border: 0, padding: 0, margin: 0, minWidth: 0 }}>
          <Text component="legend" size="sm" fw={500} mb={6}>When</Text>
          {fields.length === 0
            ? <Notice tone="warn" title="The data layer has no fields yet">A rule can only read fields that are in the layer. Add some on the page Data layer.</Notice>
            : <ConditionBuilder root={draft} fields={fields} problems={shown} onChange={setDraft} />}
        </fieldset>
        <GiveToPicker label="Then give it to" disabled={!mayEdit} value={target} onChange={setTarget} error={tried && !target ? "Choose who gets the lead." : undefined} />
        <Select
          label="When nobody of them is available" allowDeselect={false} disabled={!mayEdit} value={unavailable} onChange={(value) => setUnavailable(value === "pass_on" ? "pass_on" : "wait")}
          data={[{ value: "wait", label: "Wait until somebody is" }, { value: "pass_on", label: "Try the next rules, then the fallback" }]}
        />
        <Switch label="This rule is on" disabled={!mayEdit} checked={enabled} onChange={(event) => setEnabled(event.currentTarget.checked)} />
        <RulePreviewPanel condition={condition} target={target} ruleId={rule?.id} />
        {rule ? <Text size="xs" c="dimmed">Version {rule.version}, saved <Time at={rule.updated_at} />{rule.updated_by ? ` by ${rule.updated_by.name}` : ""}.</Text> : null}
      </Stack>
      {mayEdit ? (
        <div className={css["drawerFoot"]}>
          {rule ? <Button variant="subtle" color="gray" c="var(--mantine-color-error)" loading={remove.isPending} onClick={() => remove.mutate(rule)}>Delete</Button> : null}
          <span className={css["grow"]} />
          <Button variant="default" onClick={onClose}>Cancel</Button>
          <Button type="submit" loading={save.isPending}>{rule ? "Save rule" : "Add rule"}</Button>
        </div>
      ) : null}
    </form>
  );
}

/** Before the first try to save, an untouched term is not scolded for being empty. */
function typed(found: Map<string, string>, draft: DraftGroup): Map<string, string> {
  const untouched = new Set<string>();
  const visit = (group: DraftGroup) => {
    for (const node of group.items) {
      if (node.kind === "group") visit(node);
      else if (node.values.every((value) => value === "")) untouched.add(node.key);
    }
  };
  visit(draft);
  return new Map([...found].filter(([key]) => !untouched.has(key)));
}

function withServerProblems(draft: DraftGroup, own: Map<string, string>, error: unknown): Map<string, string> {
  if (!(error instanceof Problem)) return own;
  const all = new Map(own);
  for (const { field, detail } of error.errors) {
    const key = field ? keyAt(draft, field) : undefined;
    if (key) all.set(key, detail);
  }
  return all;
}

function conflictOf(error: unknown): Rule | undefined {
  return hasCode(error, "version_conflict") && error.current !== null && typeof error.current === "object" && "condition" in error.current
    ? (error.current as Rule)
    : undefined;
}

function useSaveRule(rule: Rule | undefined, onSaved: () => void) {
  const queries = useQueryClient();
  const toast = useToast();
  return useMutation({
    mutationFn: (input: RuleInput) =>
      rule ? client.put<Rule>(api.rule(rule.id), input) : client.post<Rule>(api.rules(OBJECT), input, { create: true }),
    onSuccess: async (saved) => {
      await queries.invalidateQueries({ queryKey: rulesQuery().queryKey });
      void queries.invalidateQueries({ queryKey: ["overview"] });
      toast.done(`“${saved.name}” is saved in the draft. It decides once that is published.`);
      onSaved();
    },
  });
}
