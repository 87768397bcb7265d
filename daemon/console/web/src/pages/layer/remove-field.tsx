import { ActionIcon, Tooltip } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { IconLock, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { client } from "../../api/client";
import { hasCode, messageOf } from "../../api/problem";
import { invalidateTopics } from "../../api/queries";
import type { LayerField } from "../../api/types";
import { plural } from "../../lib/format";
import { api } from "../../paths";
import { Confirm } from "../../ui/confirm";
import { useToast } from "../../ui/toast";

/** Removal erases the stored values; a field that a rule or routing itself reads stays. */
export function RemoveField({ field, records, mayEdit }: { field: LayerField; records: number; mayEdit: boolean }) {
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const toast = useToast();
  const remove = useMutation({
    mutationFn: () => client.delete(api.layerField(field.id)),
    onSuccess: () => {
      invalidateTopics(queries, ["layer"]);
      toast.done(`${field.label} is out of the layer and its values are erased here. Salesforce is untouched.`);
    },
  });
  const held = field.required ? "Routing itself needs this field." : field.used_by.length > 0 ? `Rules read it: ${field.used_by.map((rule) => rule.name).join(", ")}. Change them first.` : undefined;
  if (!mayEdit) return null;
  if (held) return <Tooltip label={held}><ActionIcon aria-label={`${field.label} cannot be removed. ${held}`} aria-disabled><IconLock size={16} aria-hidden /></ActionIcon></Tooltip>;
  return (
    <>
      <ActionIcon aria-label={`Remove ${field.label}`} onClick={() => { remove.reset(); setAsking(true); }}><IconTrash size={16} aria-hidden /></ActionIcon>
      <Confirm
        opened={asking} title={`Remove ${field.label}`} typed={field.name} act="Remove field" danger busy={remove.isPending}
        error={remove.isError ? (hasCode(remove.error, "field_in_use") ? "A rule began to read this field in the meantime. Change the rule first." : messageOf(remove.error)) : undefined}
        onClose={() => setAsking(false)} onConfirm={() => remove.mutate()}
      >
        Its value is erased from {plural(records, "record")} in the layer, and no machine can see it any more. Salesforce keeps its own. Adding it again needs a new import.
      </Confirm>
    </>
  );
}
