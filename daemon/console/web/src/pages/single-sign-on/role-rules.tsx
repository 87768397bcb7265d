import { ActionIcon, Button, MultiSelect, Stack, Text, TextInput } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import type { RoleRule } from "../../api/sso";
import { ROLES } from "../../lib/roles";
import css from "./single-sign-on.module.css";

export const ROLE_CHOICES = ROLES.map(({ name, title }) => ({ value: name, label: title }));

interface RoleRulesProps { value: RoleRule[]; error: string | undefined; disabled: boolean; onChange(rules: RoleRule[]): void }

/** Which of the provider's groups give which roles here. */
export function RoleRules({ value, error, disabled, onChange }: RoleRulesProps) {
  const change = (at: number, part: Partial<RoleRule>) => onChange(value.map((rule, index) => (index === at ? { ...rule, ...part } : rule)));
  return (
    <fieldset className={css["rules"]}>
      <Text component="legend" size="sm" fw={550} p={0}>Roles by group</Text>
      <Text size="sm" c="dimmed" mb={8}>
        {value.length === 0
          ? "No group gives a role: newcomers are members, and administrators give roles here."
          : "At each sign-in a person holds the roles of their groups together, and is a member where no group fits. The owner's never change."}
      </Text>
      <Stack gap={10}>
        {value.map((rule, at) => (
          // A rule has no name of its own; its place is what it is known by.
          <div key={at} className={css["rule"]}>
            <TextInput aria-label={`Group ${at + 1}`} placeholder="Group, as the provider calls it" maxLength={300} disabled={disabled} value={rule.group} onChange={(event) => change(at, { group: event.currentTarget.value })} />
            <MultiSelect aria-label={`Roles of group ${at + 1}`} placeholder={rule.roles.length === 0 ? "Roles" : ""} size="sm" data={ROLE_CHOICES} disabled={disabled} value={rule.roles} onChange={(roles) => change(at, { roles })} />
            <ActionIcon size="lg" disabled={disabled} aria-label={`Remove group ${at + 1}`} onClick={() => onChange(value.filter((_, index) => index !== at))}><IconTrash size={16} aria-hidden /></ActionIcon>
          </div>
        ))}
        {error ? <Text size="sm" c="var(--mantine-color-error)">{error}</Text> : null}
        <div><Button size="compact-sm" variant="default" disabled={disabled} leftSection={<IconPlus size={14} aria-hidden />} onClick={() => onChange([...value, { group: "", roles: ["member"] }])}>Add a group</Button></div>
      </Stack>
    </fieldset>
  );
}
