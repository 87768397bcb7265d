// A support visit: a reason first, reading by default; writing when the owner lets them, or loudly without asking.
import { Button, Group, Modal, Radio, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useNavigate } from "react-router";
import { toTell } from "../../api/problem";
import { useSessionActions } from "../../api/session";
import type { PlatformTenant } from "../../api/types";
import { api, path } from "../../paths";
import { Notice } from "../../ui/status";

type Entrance = "read" | "write" | "break_glass";
const ENTRANCES: { value: Entrance; label: string; may: string }[] = [
  { value: "read", label: "Read", may: "Everything but keys and personal connections." },
  { value: "write", label: "Ask to write", may: "You come in reading, and may write as soon as the owner says yes." },
  { value: "break_glass", label: "Write without asking", may: "Only when it cannot wait. The owner and every administrator are told at once." },
];

export function EnterTenant({ tenant, onClose }: { tenant: PlatformTenant; onClose(): void }) {
  const { move } = useSessionActions();
  const navigate = useNavigate();
  const [reason, setReason] = useState("");
  const [entrance, setEntrance] = useState<Entrance>("read");
  const [typed, setTyped] = useState("");
  const breaking = entrance === "break_glass";
  const enter = useMutation({
    mutationFn: () => move(api.platformTenantVerb(tenant.id, "enter"), {
      reason: reason.trim(), mode: entrance === "read" ? "read" : "write", ...(breaking ? { break_glass: true } : {}),
    }),
    onSuccess: () => navigate(path.overview()),
  });
  const problem = toTell(enter.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    enter.mutate();
  };
  return (
    <Modal opened onClose={enter.isPending ? () => undefined : onClose} closeOnClickOutside={false} title={`Enter ${tenant.name}`} closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={submit}>
        <Stack gap="md">
          {problem ? <Notice tone="bad" title="Not entered">{problem}</Notice> : null}
          <Text size="sm">For at most 60 minutes. The owner gets a mail with your name and the reason, and every step stands in the organisation's audit log.</Text>
          <Textarea
            label="Reason" description="The owner reads it." placeholder="Ticket 4711: leads from Austria go to nobody" data-autofocus required withAsterisk={false} maxLength={300} autosize minRows={2}
            value={reason} onChange={(event) => setReason(event.currentTarget.value)}
          />
          <Radio.Group label="What you may do" description="Approvals, exports, keys and sign-on stay closed in any case." value={entrance} onChange={(value) => setEntrance(value as Entrance)}>
            <Stack gap={10} mt={8}>{ENTRANCES.map(({ value, label, may }) => <Radio key={value} value={value} label={label} description={may} />)}</Stack>
          </Radio.Group>
          {breaking ? (
            <TextInput label={<>Type <Text span fw={650} inherit>{tenant.name}</Text> to confirm</>} autoComplete="off" spellCheck={false} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} />
          ) : null}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" {...(breaking ? { color: "red.9" } : {})} loading={enter.isPending} disabled={reason.trim() === "" || (breaking && typed.trim() !== tenant.name)}>Enter</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
