// Nested groups of terms. Every control is labelled for its place; problems stand beside the term that has them.
import { ActionIcon, Button, Group, NativeSelect, NumberInput, SegmentedControl, Select, TagsInput, TextInput } from "@mantine/core";
import { IconFolderPlus, IconPlus, IconX } from "@tabler/icons-react";
import type { FieldType, LayerField, Operator } from "../../api/types";
import { arity, type DraftGroup, type DraftNode, type DraftTerm, MAX_DEPTH, newGroup, newTerm, operatorWord, OPERATORS, replace } from "./condition";
import css from "./rules.module.css";

interface BuilderProps { root: DraftGroup; fields: LayerField[]; problems: Map<string, string>; onChange(root: DraftGroup): void }
interface NodeProps<N> { node: N; depth: number; place: string; builder: BuilderProps }

export function ConditionBuilder(props: BuilderProps) {
  return <GroupNode node={props.root} depth={1} place="Condition" builder={props} />;
}

function GroupNode({ node, depth, place, builder }: NodeProps<DraftGroup>) {
  const set = (items: DraftNode[], join = node.join) => builder.onChange(replace(builder.root, node.key, () => ({ ...node, items, join })));
  const problem = builder.problems.get(node.key);
  return (
    <div className={css["group"]} role="group" aria-label={place}>
      <div className={css["groupHead"]}>
        <SegmentedControl
          size="xs"
          aria-label={`${place}: how its terms join`}
          value={node.join}
          onChange={(join) => set(node.items, join === "any" ? "any" : "all")}
          data={[{ value: "all", label: "All of" }, { value: "any", label: "Any of" }]}
        />
        {depth > 1 ? <Remove what={place} onRemove={() => builder.onChange(replace(builder.root, node.key, () => undefined))} /> : null}
      </div>
      {node.items.map((item, index) => {
        const where = depth === 1 ? `${index + 1}` : `${place.replace("Group ", "")}.${index + 1}`;
        return item.kind === "group"
          ? <GroupNode key={item.key} node={item} depth={depth + 1} place={`Group ${where}`} builder={builder} />
          : <TermNode key={item.key} node={item} depth={depth} place={`Term ${where}`} builder={builder} />;
      })}
      {problem ? <p className={css["problem"]} role="alert">{problem}</p> : null}
      <Group gap={8}>
        <Button size="compact-sm" variant="subtle" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => set([...node.items, newTerm()])}>Term</Button>
        {depth < MAX_DEPTH ? (
          <Button
            size="compact-sm" variant="subtle" leftSection={<IconFolderPlus size={14} aria-hidden />}
            onClick={() => set([...node.items, newGroup(node.join === "all" ? "any" : "all")])}
          >
            Group
          </Button>
        ) : null}
      </Group>
    </div>
  );
}

function TermNode({ node, place, builder }: NodeProps<DraftTerm>) {
  const type = builder.fields.find((field) => field.name === node.field)?.type;
  const change = (part: Partial<DraftTerm>) => builder.onChange(replace(builder.root, node.key, () => ({ ...node, ...part })));
  const choose = (name: string) => {
    const next = builder.fields.find((field) => field.name === name)?.type;
    const ops = next ? OPERATORS[next] : [];
    const op = ops.includes(node.op) ? node.op : (ops[0] ?? node.op);
    change({ field: name, op, values: next === type ? node.values : [] });
  };
  const problem = builder.problems.get(node.key);
  return (
    <div className={css["term"]}>
      <div className={css["termRow"]}>
        <Select
          className={css["termField"] ?? ""}
          aria-label={`${place}: field`} placeholder="Field" searchable allowDeselect={false}
          data={builder.fields.map((field) => ({ value: field.name, label: field.label }))}
          value={node.field === "" ? null : node.field}
          onChange={(name) => { if (name !== null) choose(name); }}
          nothingFoundMessage="Not in the data layer"
        />
        <NativeSelect
          aria-label={`${place}: operator`}
          disabled={type === undefined}
          data={(type ? OPERATORS[type] : [node.op]).map((op) => ({ value: op, label: operatorWord(op, type) }))}
          value={node.op}
          onChange={(event) => change(withOperator(node, event.currentTarget.value as Operator))}
        />
        <div className={css["termValue"]}><TermValueInput term={node} type={type} place={place} onChange={(values) => change({ values })} /></div>
        <Remove what={place} onRemove={() => builder.onChange(replace(builder.root, node.key, () => undefined))} />
      </div>
      {problem ? <p className={css["problem"]} role="alert">{problem}</p> : null}
    </div>
  );
}

/** Keeps what was typed as far as the new operator can use it. */
function withOperator(term: DraftTerm, op: Operator): Partial<DraftTerm> {
  const keep = { none: 0, one: 1, two: 2, many: term.values.length }[arity(op)];
  return { op, values: term.values.slice(0, keep) };
}

interface ValueProps { term: DraftTerm; type: FieldType | undefined; place: string; onChange(values: string[]): void }

function TermValueInput({ term, type, place, onChange }: ValueProps) {
  const takes = arity(term.op);
  const [first = "", second = ""] = term.values;
  if (takes === "none") return null;
  if (takes === "many") {
    return <TagsInput aria-label={`${place}: values`} placeholder={term.values.length === 0 ? "Type, then Enter" : ""} value={term.values} onChange={onChange} splitChars={[",", ";", "\n"]} />;
  }
  if (takes === "two") {
    return (
      <Group gap={8} wrap="nowrap">
        <OneValue label={`${place}: from`} type={type} value={first} onChange={(value) => onChange([value, second])} />
        <OneValue label={`${place}: to`} type={type} value={second} onChange={(value) => onChange([first, value])} />
      </Group>
    );
  }
  return <OneValue label={`${place}: value`} type={type} value={first} onChange={(value) => onChange([value])} />;
}

function OneValue({ label, type, value, onChange }: { label: string; type: FieldType | undefined; value: string; onChange(value: string): void }) {
  if (type === "number") {
    return <NumberInput aria-label={label} placeholder="Number" value={value} hideControls onChange={(next) => onChange(String(next))} />;
  }
  if (type === "datetime") {
    return <TextInput aria-label={label} type="datetime-local" value={toLocalInput(value)} onChange={(event) => onChange(fromLocalInput(event.currentTarget.value))} />;
  }
  return (
    <TextInput
      aria-label={label} placeholder={type === undefined ? "Choose a field first" : "Value"} disabled={type === undefined}
      type={type === "date" ? "date" : "text"} value={value} onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

/** UTC on the wire, the reader's zone in the input. */
function toLocalInput(iso: string): string {
  const time = new Date(iso);
  if (iso === "" || Number.isNaN(time.getTime())) return "";
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
const fromLocalInput = (local: string): string => (local === "" ? "" : new Date(local).toISOString());

function Remove({ what, onRemove }: { what: string; onRemove(): void }) {
  return <ActionIcon aria-label={`Remove ${what.toLowerCase()}`} onClick={onRemove}><IconX size={16} aria-hidden /></ActionIcon>;
}
