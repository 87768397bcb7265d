// The door: which face the app shows before any page, by the state of the session.
import { lazy, Suspense } from "react";
import { Navigate, Outlet, useLocation } from "react-router";
import { useSessionActions } from "../api/session";
import { isOpen, path, safeNext } from "../paths";
import { Sealed } from "../pages/sealed";
import { Splash } from "./splash";

const FirstFactor = lazy(() => import("../pages/factors/first-factor"));

export function Root() {
  const { state, start } = useSessionActions();
  const { pathname, search } = useLocation();
  const here = pathname + search;

  switch (state.kind) {
    case "loading":
      return <Splash />;
    case "sealed":
    case "unreachable":
      return <Sealed sealed={state.kind === "sealed"} onReady={start} />;
    case "set_up":
      return pathname === path.setup() ? <Outlet /> : <Navigate to={path.setup()} replace />;
    case "signed_out":
      return pathname === "/sign-in" || isOpen(pathname) ? <Outlet /> : <Navigate to={path.signIn(here)} replace />;
    case "signed_in":
      // Nothing but its own account answers such a session, so nothing else is shown.
      if (state.session.factor.required && !state.session.factor.enrolled && !isOpen(pathname)) return <Suspense fallback={<Splash />}><FirstFactor /></Suspense>;
      return pathname === "/sign-in" || pathname === path.setup()
        ? <Navigate to={safeNext(new URLSearchParams(search).get("next"))} replace />
        : <Outlet />;
  }
}
