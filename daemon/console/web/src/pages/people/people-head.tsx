import { Button } from "@mantine/core";
import { IconUserPlus } from "@tabler/icons-react";
import { useState } from "react";
import { useCan } from "../../api/session";
import { path } from "../../paths";
import { SubNav } from "../../shell/sub-nav";
import { PageHead } from "../../ui/page";
import { InviteDialog } from "./invite";

export function PeopleHead({ section }: { section: string }) {
  return (
    <>
      <PageHead title="People" section={section} actions={<Invite />}>Who belongs to this organisation, what they may do, and how well their accounts are kept.</PageHead>
      <SubNav label="People" items={[{ to: path.people(), label: "Members" }, { to: path.invitations(), label: "Invitations" }]} />
    </>
  );
}

export function Invite() {
  const [open, setOpen] = useState(false);
  if (!useCan("member_edit")) return null;
  return (
    <>
      <Button leftSection={<IconUserPlus size={16} aria-hidden />} onClick={() => setOpen(true)}>Invite people</Button>
      {open ? <InviteDialog onClose={() => setOpen(false)} /> : null}
    </>
  );
}
