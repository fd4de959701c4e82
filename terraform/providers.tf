provider "azurerm" {
  subscription_id     = var.subscription_id
  storage_use_azuread = true

  # azurerm 5 registers nothing by itself. These are all the namespaces that the resources here live in. Registering, and
  # even asking, takes rights on the subscription, which the pipeline's identity has not.
  resource_provider_registrations = "none"
  resource_providers_to_register = !var.resource_provider_registration_enabled ? [] : [
    "Microsoft.AlertsManagement",
    "Microsoft.App",
    "Microsoft.Authorization",
    "Microsoft.Cdn",
    "Microsoft.Consumption",
    "Microsoft.ContainerService", # a Container Apps environment in a network of one's own asks for it (Azure/bicep#14935)
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
      # Terraform never talks to blobs, queues or tables, so it needs no data role and no way through the firewall.
      data_plane_available = false
    }

    log_analytics_workspace {
      permanently_delete_on_destroy = false
    }
  }
}
