"""Programs that the tests start: applications that are measured by the usual libraries."""
