import { useMutation } from "@tanstack/react-query";
import { client } from "../../api/client";
import { api } from "../../paths";

/** Asks for a fresh consent address and leaves for it; Salesforce comes back to the page /connect/salesforce. */
export function useAuthorize() {
  return useMutation({
    mutationFn: (input: { new_organisation?: boolean }) => client.post<{ authorize_url: string }>(api.salesforceAuthorize(), input),
    onSuccess: ({ authorize_url }) => { window.location.assign(authorize_url); },
  });
}
