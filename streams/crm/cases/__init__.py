"""What becomes of each alert on its way to the CRM: admitted, deferred, held, closed. Pure."""
