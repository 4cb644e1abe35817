"""The embedded delivery: Argo CD's controllers and repository server as processes of this machine."""
