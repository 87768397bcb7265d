// What stands around every page: the state of the trial, the want of a second factor, and a support visit.
import { Button } from "@mantine/core";
import { IconEye, IconHourglass, IconPencil, IconRestore, IconShieldLock, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { Link } from "react-router";
import { messageOf } from "../api/problem";
import { applianceNotesQuery, deletionQuery } from "../api/queries";
import { useCan, useSession, useSessionActions } from "../api/session";
import { daysLeft, minutesLeft, plural } from "../lib/format";
import { api, path } from "../paths";
import { Time, useNow } from "../ui/facts";
import { useToast } from "../ui/toast";
import css from "./shell.module.css";

/** A trial is spoken of in its last days only. */
const TRIAL_WARNING_DAYS = 7;
const VISIT_LOOK_MS = 30_000;
const OVER_LOOK_MS = 5_000;

export function Banners() {
  const { tenant, factor, support } = useSession();
  const now = useNow();
  const left = tenant.trial_ends_at ? daysLeft(tenant.trial_ends_at, now) : undefined;
  return (
    <>
      <ApplianceNotes />
      <DeletionBanner tenant={tenant.name} />
      {tenant.state === "read_only" ? (
        <Banner tone="bad" icon={<IconHourglass size={16} aria-hidden />}>
          <strong>The trial of {tenant.name} has ended.</strong> Everything can be read and nothing is lost; routing rests, and nothing can be changed until the operator of this appliance activates it.
        </Banner>
      ) : null}
      {tenant.state === "trial" && left !== undefined ? (
        <Banner tone={left <= TRIAL_WARNING_DAYS ? "warn" : "info"} icon={<IconHourglass size={16} aria-hidden />}>
          <strong>Trial: {left === 0 ? "ends today" : `${plural(left, "day")} left`}.</strong> After <Time at={tenant.trial_ends_at} /> it can only be read, until the operator of this appliance activates it.
        </Banner>
      ) : null}
      {!factor.enrolled && !factor.required && !support ? (
        <Banner tone="warn" icon={<IconShieldLock size={16} aria-hidden />} action={<Link to={path.accountFactors()}>Turn it on</Link>}>
          <strong>Your account has no second factor.</strong> A stolen password alone would open it. It takes a minute.
        </Banner>
      ) : null}
    </>
  );
}

/** A restored appliance acts by itself only once an administrator has looked. */
function ApplianceNotes() {
  const { data: notes } = useQuery(applianceNotesQuery());
  return notes?.map((note) => (
    <Banner key={note.code} tone="bad" icon={<IconRestore size={16} aria-hidden />}>
      <strong>Quarantine.</strong> {note.message}
    </Banner>
  ));
}

/** Everybody sees that their organisation will end, and its owner where to take it back. */
function DeletionBanner({ tenant }: { tenant: string }) {
  const reads = useCan("overview_read");
  const looks = useCan("data_read");
  const { data: deletion } = useQuery({ ...deletionQuery(), enabled: reads });
  const now = useNow();
  if (!deletion) return null;
  if (Date.parse(deletion.due_at) <= now) return <Banner tone="bad" icon={<IconTrash size={16} aria-hidden />}><strong>{tenant} is being deleted.</strong> Its last day is over, and it cannot be taken back any more.</Banner>;
  return (
    <Banner tone="bad" icon={<IconTrash size={16} aria-hidden />} action={looks ? <Link to={path.data()}>Look at it</Link> : undefined}>
      <strong>{tenant} will be deleted</strong> on <Time at={deletion.due_at} />. Until then everything works as before, and its owner can take it back.
    </Banner>
  );
}

function Banner({ tone, icon, action, children }: { tone: "info" | "warn" | "bad"; icon: ReactNode; action?: ReactNode; children: ReactNode }) {
  return <div className={`${css["banner"]} ${css[tone]}`} role="status">{icon}<p>{children} {action}</p></div>;
}

/** Stays at the foot of the window for as long as the visit lasts. */
export function VisitBar() {
  const { tenant, support } = useSession();
  return support ? <Visit tenant={tenant.name} support={support} /> : null;
}

function Visit({ tenant, support }: { tenant: string; support: { reason: string; mode: string; ends_at: string } }) {
  const { move, reload } = useSessionActions();
  const [busy, setBusy] = useState(false);
  const toast = useToast();
  const left = minutesLeft(support.ends_at, useNow());
  const over = left <= 0;
  // The owner may let the visitor write, or end the visit, at any moment.
  const look = useRef(reload);
  useEffect(() => { look.current = reload; }, [reload]);
  useEffect(() => {
    const timer = setInterval(() => { look.current().catch(() => undefined); }, over ? OVER_LOOK_MS : VISIT_LOOK_MS);
    return () => clearInterval(timer);
  }, [over]);
  const leave = () => {
    setBusy(true);
    move(api.sessionLeave(), {}).catch((error: unknown) => { setBusy(false); toast.failed(`Still visiting. ${messageOf(error)}`); });
  };
  return (
    <div className={css["visit"]} role="region" aria-label="Support visit">
      {support.mode === "write" ? <IconPencil size={16} aria-hidden /> : <IconEye size={16} aria-hidden />}
      <p>
        <strong>You are visiting {tenant}</strong>, {support.mode === "write" ? "and may change it" : "to read only"}. {support.reason}
      </p>
      <span className={css["visitLeft"]}>{over ? "Ended" : `${left} min left`}</span>
      <Button size="compact-sm" color="dark" variant="white" loading={busy} onClick={leave}>Leave</Button>
    </div>
  );
}
