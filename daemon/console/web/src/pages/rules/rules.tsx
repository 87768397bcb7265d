// Rules: what is enrolled, in which order it is tried, and whether the router runs.
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { IconPlus } from "@tabler/icons-react";
import { Link, useNavigate, useParams } from "react-router";
import { layerQuery, OBJECT, routerQuery, rulesQuery } from "../../api/queries";
import { useCan } from "../../api/session";
import type { LayerField } from "../../api/types";
import { path } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { PageHead } from "../../ui/page";
import { LoadingBlock } from "../../ui/states";
import { DraftBar } from "./draft-bar";
import { EnrollmentPanel } from "./enrollment";
import { RouterPanel } from "./router-panel";
import { RuleDrawer } from "./rule-drawer";
import { RulesNav } from "./rules-nav";
import { RuleList } from "./rule-list";

const NONE: LayerField[] = [];

export function Page() {
  const { id } = useParams();
  const navigate = useNavigate();
  const router = useQuery(routerQuery());
  const rules = useQuery(rulesQuery());
  const fields = useQuery(layerQuery()).data?.find(({ object }) => object === OBJECT)?.fields ?? NONE;
  const mayEdit = useCan("rule_edit");
  // Rules belong to a router, and the first enrollment makes it: until then that is the one step to take.
  const missing = router.data === null;
  const enrollment = router.data === undefined ? null : <EnrollmentPanel router={router.data} mayEdit={mayEdit} />;
  const close = () => { void navigate(path.rules()); };

  return (
    <>
      <PageHead
        title="Rules"
        actions={mayEdit && !missing ? <Button component={Link} to={path.ruleNew()} leftSection={<IconPlus size={16} aria-hidden />}>New rule</Button> : undefined}
      >
        Every enrolled lead meets these rules from top to bottom; the first that matches decides who gets it.
      </PageHead>
      <RulesNav />
      <QueryView query={router} what="The router" loading={<LoadingBlock height={120} />}>
        {(data) => <RouterPanel router={data} />}
      </QueryView>
      {missing ? enrollment : null}
      {typeof router.data?.published === "number" ? <DraftBar fields={fields} mayEdit={mayEdit} /> : null}
      <QueryView query={rules} what="The rules" loading={<LoadingBlock height={280} />}>
        {(list) => (
          <>
            <RuleList list={list} fields={fields} fallback={router.data?.fallback ?? null} mayEdit={mayEdit} enrolled={!missing} />
            <RuleDrawer id={id} list={list} fields={fields} mayEdit={mayEdit} onClose={close} />
          </>
        )}
      </QueryView>
      {missing ? null : enrollment}
    </>
  );
}
