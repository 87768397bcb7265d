// Calendars of holidays: of a country, a region or an office. Reps and pools name one.
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { IconCalendarOff, IconPlus } from "@tabler/icons-react";
import { Link, useNavigate, useParams } from "react-router";
import { calendarsQuery } from "../../api/queries";
import { useCan } from "../../api/session";
import { plural } from "../../lib/format";
import { path } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { SubNav } from "../../shell/sub-nav";
import { PageHead, Panel } from "../../ui/page";
import { Empty } from "../../ui/states";
import ui from "../../ui/ui.module.css";
import { CalendarDrawer } from "./calendar-drawer";

export function Page() {
  const { id } = useParams();
  const navigate = useNavigate();
  const mayEdit = useCan("pool_edit");
  const calendars = useQuery(calendarsQuery());
  const add = mayEdit ? <Button component={Link} to={path.calendarNew()} leftSection={<IconPlus size={16} aria-hidden />}>New calendar</Button> : undefined;
  return (
    <>
      <PageHead title="Pools and reps" section="Holidays" actions={add}>On a holiday of their own or of the pool, reps are passed over for the whole of their local day.</PageHead>
      <SubNav label="Pools and reps" items={[{ to: path.pools(), label: "Pools and reps" }, { to: path.calendars(), label: "Holidays", count: calendars.data?.length }]} />
      <Panel title="Holiday calendars" flush>
        <QueryView query={calendars} what="The calendars">
          {(list) => (
            <>
              {list.length === 0 ? <Empty icon={IconCalendarOff} title="No calendars yet" action={add}>Make one for each country or office, then choose it for reps or for a whole pool.</Empty> : (
                <div className={ui["scrollX"]}>
                  <table className={ui["plainTable"]} aria-label="Holiday calendars">
                    <thead><tr><th scope="col">Calendar</th><th scope="col">Days</th><th scope="col">Used by</th></tr></thead>
                    <tbody>{list.map((one) => (
                      <tr key={one.id}><td><Link to={path.calendar(one.id)}>{one.name}</Link></td><td className={ui["whole"]}>{plural(one.days.length, "day")}</td><td>{one.used_by.join(", ") || "nobody yet"}</td></tr>
                    ))}</tbody>
                  </table>
                </div>
              )}
              <CalendarDrawer id={id} calendars={list} mayEdit={mayEdit} onClose={() => { void navigate(path.calendars()); }} />
            </>
          )}
        </QueryView>
      </Panel>
    </>
  );
}
