// One rule on the right, at its own address; the list stays behind it.
import { Drawer } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { rulesQuery } from "../../api/queries";
import type { LayerField, RuleList } from "../../api/types";
import { Notice } from "../../ui/status";
import { RuleEditor } from "./rule-editor";

interface RuleDrawerProps { id: string | undefined; list: RuleList; fields: LayerField[]; mayEdit: boolean; onClose(): void }

export function RuleDrawer({ id, list, fields, mayEdit, onClose }: RuleDrawerProps) {
  const queries = useQueryClient();
  const rule = list.items.find((one) => one.id === id);
  const reload = () => queries.refetchQueries({ queryKey: rulesQuery().queryKey });
  return (
    <Drawer
      opened={id !== undefined} onClose={onClose} size={680} closeOnClickOutside={false}
      title={id === "new" ? "New rule" : (rule?.name ?? "Rule")} closeButtonProps={{ "aria-label": "Close the rule" }}
    >
      {id === undefined ? null : id !== "new" && !rule ? (
        <Notice tone="warn" title="This rule no longer exists">It was deleted, or the link is from another organisation. Close this to see the rules that there are.</Notice>
      ) : (
        <RuleEditor key={id} rule={rule} list={list} fields={fields} mayEdit={mayEdit} onClose={onClose} onReload={reload} />
      )}
    </Drawer>
  );
}
