import { Checkbox, Stack } from "@mantine/core";
import { ROLES } from "../../lib/roles";

/** The roles that an administrator can give. */
export function RoleChoice({ value, disabled = false, onChange }: { value: string[]; disabled?: boolean; onChange(roles: string[]): void }) {
  return (
    <Checkbox.Group label="Roles" value={value} onChange={onChange}>
      <Stack gap={10} mt={8}>
        {ROLES.map((role) => <Checkbox key={role.name} value={role.name} label={role.title} description={role.may} disabled={disabled} />)}
      </Stack>
    </Checkbox.Group>
  );
}
