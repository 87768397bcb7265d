import { Button, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { IconPlugConnected } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { toTell } from "../../api/problem";
import type { DirectoryProbe, LdapSettings, Provider } from "../../api/sso";
import { Notice } from "../../ui/status";
import { useOwner } from "./owner";
import { directorySteps } from "./probe";
import { Steps } from "./provider-test";
import css from "./single-sign-on.module.css";

/** Asks the directory what a sign-in needs, up to the step that fails. Nobody's password is asked for. */
export function DirectoryTest({ provider, ldap, onBusy }: { provider: Provider; ldap: LdapSettings; onBusy(busy: boolean): void }) {
  const [user, setUser] = useState("");
  const owner = useOwner();
  const account = ldap.bind_dn !== null;
  const test = useMutation({
    mutationFn: () => client.post<DirectoryProbe>(owner.directoryTest(provider.id), { user: user.trim() === "" ? null : user.trim() }),
    onMutate: () => onBusy(true),
    onSettled: () => onBusy(false),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    test.mutate();
  };
  const problem = toTell(test.error);
  const person = test.data?.person;
  return (
    <section className={css["part"]} aria-label="Test">
      <h3>Test</h3>
      <p>Revkeep asks the directory what a sign-in needs. Nobody is signed in, and nothing is changed.</p>
      <form className={css["lead"]} onSubmit={submit}>
        {account ? <TextInput label="Look somebody up" description="A name as they would type it. Their password is not needed." spellCheck={false} autoComplete="off" maxLength={256} value={user} onChange={(event) => setUser(event.currentTarget.value)} /> : null}
        <div className={css["lead"]} aria-live="polite">
          {problem ? <Notice tone="bad" title="Not tested">{problem}</Notice> : null}
          {test.data ? <Steps steps={directorySteps(test.data, account)} /> : null}
          {person ? (
            <Notice tone="info" title={person.name ?? "Found"}>
              {person.email === null ? "No mail address, so a newcomer does not get in." : `${person.email}.`} Known by <span className="mono">{person.subject}</span>.
            </Notice>
          ) : null}
        </div>
        <div>
          <Button type="submit" size="xs" variant={test.data ? "default" : "light"} leftSection={<IconPlugConnected size={14} aria-hidden />} loading={test.isPending}>
            {test.data ? "Test again" : "Test"}
          </Button>
        </div>
      </form>
    </section>
  );
}
