# No output is secret. docs/deployment.md assigns outputs to GitHub variables.

output "url" {
  description = "Address for visitors."
  value       = local.public_url
}

output "custom_domain_records" {
  description = "DNS records for custom_domain: for each name, type and value."
  value = var.custom_domain == null ? null : var.front_door_enabled ? {
    (var.custom_domain)             = { type = "CNAME", value = azurerm_cdn_frontdoor_endpoint.this[0].host_name }
    "_dnsauth.${var.custom_domain}" = { type = "TXT", value = azurerm_cdn_frontdoor_custom_domain.this[0].validation_token }
    } : {
    (var.custom_domain)          = { type = "CNAME", value = azurerm_function_app_flex_consumption.this.default_hostname }
    "asuid.${var.custom_domain}" = { type = "TXT", value = nonsensitive(azurerm_function_app_flex_consumption.this.custom_domain_verification_id) }
  }
}

output "resource_group_name" {
  description = "Resource group of all resources."
  value       = azurerm_resource_group.this.name
}

output "function_app_name" {
  description = "Function app to which the package is published."
  value       = azurerm_function_app_flex_consumption.this.name
}

output "function_app_host_name" {
  description = "The function app's own host name; also the name of the first counted site."
  value       = azurerm_function_app_flex_consumption.this.default_hostname
}

output "bootstrap_job_name" {
  description = "Job that creates the database role; null once database_bootstrap_enabled is false."
  value       = var.database_bootstrap_enabled ? azurerm_container_app_job.bootstrap[0].name : null
}

output "database_server_name" {
  description = "Name of the database server."
  value       = azurerm_postgresql_flexible_server.this.name
}

output "database_host_name" {
  description = "Host name of the database server; resolves inside the virtual network only."
  value       = azurerm_postgresql_flexible_server.this.fqdn
}

output "database_geo_redundant_backup" {
  description = "Enabled or Disabled, the value for az postgres flexible-server restore --geo-redundant-backup. A restored server has it off by default, and Terraform would replace such a server."
  value       = var.database_geo_redundant_backup_enabled ? "Enabled" : "Disabled"
}

output "database_name" {
  description = "Database of the app."
  value       = local.database_name
}

output "database_role" {
  description = "The app's role in the database, which is the name of its identity."
  value       = azurerm_user_assigned_identity.app.name
}

output "log_workspace_id" {
  description = "Id of the workspace for az monitor log-analytics query."
  value       = azurerm_log_analytics_workspace.this.workspace_id
}

output "storage_account_name" {
  description = "Storage account of the function app."
  value       = azurerm_storage_account.this.name
}

output "package_container_name" {
  description = "Container of the published package."
  value       = azurerm_storage_container.packages.name
}

output "github_client_id" {
  description = "Client id that GitHub signs in with; null without github_repository."
  value       = var.github_repository == null ? null : azurerm_user_assigned_identity.github[0].client_id
}

output "tenant_id" {
  description = "Entra tenant."
  value       = data.azurerm_client_config.current.tenant_id
}

output "subscription_id" {
  description = "Subscription."
  value       = var.subscription_id
}

output "connection_sum" {
  description = "Highest number of database connections, and the number that the database allows."
  value       = "(${var.maximum_instance_count} + ${local.timer_instances} for the timer) instances × ${local.connections_per_instance} = ${local.connections_per_instance * (var.maximum_instance_count + local.timer_instances)} of ${local.connections_available} (${local.connections_limit} ${local.connections_limit_name} − ${var.database_connection_reserve} in reserve)"
}
