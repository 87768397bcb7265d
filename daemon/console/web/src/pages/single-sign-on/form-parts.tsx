// What the forms of both kinds of provider share.
import { Button, Group, Switch } from "@mantine/core";

export function Newcomers({ checked, disabled, onChange }: { checked: boolean; disabled: boolean; onChange(checked: boolean): void }) {
  return (
    <Switch
      label="Let newcomers in" description={checked ? "Whoever the provider lets through becomes a member at their first sign-in." : "Only people who were invited or provisioned get in."}
      disabled={disabled} checked={checked} onChange={(event) => onChange(event.currentTarget.checked)}
    />
  );
}

export function Buttons({ existing, saving, ready, changed, onUndo }: { existing: boolean; saving: boolean; ready: boolean; changed: boolean; onUndo(): void }) {
  return (
    <Group gap="xs">
      <Button type="submit" loading={saving} disabled={!ready || !changed}>{existing ? "Save" : "Save, and go on to the test"}</Button>
      {existing && changed ? <Button variant="default" disabled={saving} onClick={onUndo}>Undo</Button> : null}
    </Group>
  );
}
