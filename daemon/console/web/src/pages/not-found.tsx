import { Button } from "@mantine/core";
import { IconMapQuestion } from "@tabler/icons-react";
import { Link } from "react-router";
import { path } from "../paths";
import { PageHead, Panel } from "../ui/page";
import { Empty } from "../ui/states";

export function Page() {
  return (
    <>
      <PageHead title="No such page" />
      <Panel>
        <Empty icon={IconMapQuestion} title="Nothing stands at this address" action={<Button component={Link} to={path.overview()}>To the overview</Button>}>
          The link may be old, or you may not have the right to see what it leads to. Ctrl-K finds pages, rules, reps and records.
        </Empty>
      </Panel>
    </>
  );
}
