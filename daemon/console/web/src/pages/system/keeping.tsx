// What keeps the appliance trustworthy: certificate, secrets, the sealed log, backups, disks.
import { Anchor } from "@mantine/core";
import { Link } from "react-router";
import type { System } from "../../api/system";
import { plural, size } from "../../lib/format";
import { path } from "../../paths";
import { Time } from "../../ui/facts";
import { Facts, Panel } from "../../ui/page";
import { Status } from "../../ui/status";
import { auditNote, backupNote, freeShare, rehearsalNote } from "./words";

export function Keeping({ system }: { system: System }) {
  const { certificate, secrets, streams, backup, rehearsal } = system;
  const secretsReason = system.reasons.find(({ part }) => part === "secrets");
  return (
    <Panel title="Keeping">
      <Facts
        items={[
          ["Certificate", certificate === null ? "Not known" : <>{certificate.days < 0 ? <Status tone="bad">Expired</Status> : certificate.days < 14 ? <Status tone="warn">{plural(certificate.days, "day")} left</Status> : `${plural(certificate.days, "day")} left`}, until <Time at={certificate.ends_at} /><br />{certificate.names.join(", ")}{certificate.issuer ? ` · by ${certificate.issuer}` : ""}</>],
          ["Secrets", <>{secrets.backend === "vault" ? "Vault" : "Keystore of this machine"} {secretsReason ? <Status tone="bad">{secretsReason.message}</Status> : <Status tone="ok">Answers</Status>}<br />{secrets.place}</>],
          ["Audit log", auditNote(system.audit)],
          ["Log streams", streams === null ? "Not known" : streams.targets === 0 ? <>None. <Anchor component={Link} to={path.applianceLogStreams()}>Add one</Anchor></> : streams.late === 0 ? `${plural(streams.targets, "target")}, none behind` : <Status tone="warn">{streams.late} of {plural(streams.targets, "target")} behind</Status>],
          ["Last backup", backup === null ? "None that this daemon was told of" : <><Time at={backup.at} ago />: {backupNote(backup)}</>],
          ["Last rehearsal", rehearsal === null ? "None that this daemon was told of" : <><Time at={rehearsal.at} ago />: {rehearsal.detail.code === null ? rehearsalNote(rehearsal) : <Status tone="bad">{rehearsalNote(rehearsal)}</Status>}</>],
          ...system.disks.map((disk): [string, React.ReactNode] => [`Disk of ${disk.what}`, <>{freeShare(disk)}, {size(disk.free)} of {size(disk.bytes)}<br />{disk.path}</>]),
        ]}
      />
    </Panel>
  );
}
