// The metadata of a SAML provider by its address: fetched once, now, and shown in the fields before anything is saved.
import { Button, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client";
import { Problem, toTell } from "../../api/problem";
import type { FoundMetadata } from "../../api/sso";
import { useOwner } from "./owner";
import css from "./single-sign-on.module.css";

export function SamlFetch({ disabled, onFound }: { disabled: boolean; onFound(found: FoundMetadata): void }) {
  const [url, setUrl] = useState("");
  const owner = useOwner();
  const fetched = useMutation({ mutationFn: () => client.post<FoundMetadata>(owner.samlMetadata(), { url: url.trim() }), onSuccess: onFound });
  const { error } = fetched;
  const beside = error instanceof Problem ? (error.forField("url") ?? error.forField("saml.metadata") ?? toTell(error)) : toTell(error);
  return (
    <div className={css["line"]}>
      <TextInput
        label="Address of the metadata" description="Fetched once, when you ask; the address is not kept." type="url" placeholder="https://login.acme.example/metadata" spellCheck={false}
        disabled={disabled} value={url} error={beside} onChange={(event) => setUrl(event.currentTarget.value)}
      />
      <Button variant="default" disabled={disabled || url.trim() === ""} loading={fetched.isPending} onClick={() => fetched.mutate()}>Fetch and look</Button>
    </div>
  );
}
