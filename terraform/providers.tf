provider "azurerm" {
  subscription_id     = var.subscription_id
  storage_use_azuread = true

  # azurerm 5 registers no namespace by itself. These are the namespaces of all resources here. Registering needs rights on the
  # subscription, and so does the check whether it is needed. The pipeline's identity has no such rights.
  resource_provider_registrations = "none"
  resource_providers_to_register = !var.resource_provider_registration_enabled ? [] : [
    "Microsoft.AlertsManagement",
    "Microsoft.App",
    "Microsoft.Authorization",
    "Microsoft.Cdn",
    "Microsoft.Consumption",
    "Microsoft.ContainerService", # required by a Container Apps environment in its own network (Azure/bicep#14935)
    "Microsoft.DBforPostgreSQL",
    "Microsoft.Insights",
    "Microsoft.KeyVault",
    "Microsoft.ManagedIdentity",
    "Microsoft.Network",
    "Microsoft.OperationalInsights",
    "Microsoft.Storage",
    "Microsoft.Web",
  ]

  features {
    resource_group {
      prevent_deletion_if_contains_resources = true
    }

    storage {
      # Terraform does not use blobs, queues or tables, so it needs no data role and no access through the firewall.
      data_plane_available = false
    }

    log_analytics_workspace {
      permanently_delete_on_destroy = false
    }
  }
}
