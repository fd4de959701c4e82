data "azurerm_client_config" "current" {}

resource "azurerm_user_assigned_identity" "app" {
  name                = local.app_identity_name
  resource_group_name = azurerm_resource_group.this.name
  location            = var.location
  tags                = local.tags
}

# Storage ---------------------------------------------------------------------------------------------------------------
# The account stores the deployed package, and the host's leases and keys. It never stores a visit.

resource "azurerm_storage_account" "this" {
  #checkov:skip=CKV_AZURE_35:The default action is Deny unless storage_private_endpoint_enabled is false (profiles/minimal.tfvars saves the endpoint's price). Keys and anonymous access are off in both cases.
  #checkov:skip=CKV_AZURE_59:As CKV_AZURE_35; checkov does not evaluate the negation.
  #checkov:skip=CKV_AZURE_43:checkov does not evaluate sha256(); the validations of name and environment limit the name to 24 characters.
  #checkov:skip=CKV_AZURE_33:The queue service is not used, and its classic logging needs shared keys.
  #checkov:skip=CKV_AZURE_206:LRS or ZRS, by zone_redundancy_enabled: a package can be rebuilt from its commit, so a copy in another region adds nothing.
  #checkov:skip=CKV2_AZURE_1:A customer-managed key would need a key vault and would protect packages of public code.

  name                = local.storage_account_name
  resource_group_name = azurerm_resource_group.this.name
  location            = var.location
  tags                = local.tags

  account_kind             = "StorageV2"
  account_tier             = "Standard"
  account_replication_type = var.zone_redundancy_enabled ? "ZRS" : "LRS"

  shared_access_key_enabled        = false
  default_to_oauth_authentication  = true
  local_user_enabled               = false
  sftp_enabled                     = false
  allow_nested_items_to_be_public  = false
  allowed_copy_scope               = "AAD"
  cross_tenant_replication_enabled = false

  https_traffic_only_enabled    = true
  min_tls_version               = "TLS1_2"
  public_network_access_enabled = !var.storage_private_endpoint_enabled

  # Only with the default Deny: the provider reads rules that allow everything as no rules, so each plan would add them again.
  dynamic "network_rules" {
    for_each = var.storage_private_endpoint_enabled ? ["Deny"] : []

    content {
      default_action = network_rules.value
      bypass         = ["AzureServices"]
    }
  }

  blob_properties {
    versioning_enabled = true

    delete_retention_policy {
      days = 30
    }

    container_delete_retention_policy {
      days = 30
    }
  }
}

resource "azurerm_management_lock" "storage" {
  count = var.deletion_protection_enabled ? 1 : 0

  name       = "lock-${local.storage_account_name}"
  scope      = azurerm_storage_account.this.id
  lock_level = "CanNotDelete"
  notes      = "Without its package the app does not start. Set by Terraform (deletion_protection_enabled)."

  # As with the database's lock: resources below the account can be deleted only without the lock.
  depends_on = [
    azurerm_monitor_diagnostic_setting.blobs,
    azurerm_private_endpoint.blob,
    azurerm_role_assignment.app_blobs,
    azurerm_storage_container.packages,
  ]
}

resource "azurerm_storage_container" "packages" {
  #checkov:skip=CKV2_AZURE_21:Writes and deletes are logged by the diagnostic setting in main.monitoring.tf; all reads come from the platform.
  name                  = "packages"
  storage_account_id    = azurerm_storage_account.this.id
  container_access_type = "private"
}

resource "azurerm_private_endpoint" "blob" {
  count = var.storage_private_endpoint_enabled ? 1 : 0

  name                          = "pep-${local.storage_account_name}"
  resource_group_name           = azurerm_resource_group.this.name
  location                      = var.location
  subnet_id                     = azurerm_subnet.endpoints.id
  custom_network_interface_name = "nic-${local.storage_account_name}"
  tags                          = local.tags

  private_service_connection {
    name                           = local.storage_account_name
    private_connection_resource_id = azurerm_storage_account.this.id
    subresource_names              = ["blob"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [azurerm_private_dns_zone.this["blob"].id]
  }

  depends_on = [azurerm_private_dns_zone_virtual_network_link.this]
}

# The app may use the blobs of its own storage account, and send telemetry. The host creates containers for leases and keys,
# which needs Owner of blob data (a data role without rights over the account).

resource "azurerm_role_assignment" "app_blobs" {
  scope                = azurerm_storage_account.this.id
  role_definition_name = "Storage Blob Data Owner"
  principal_id         = azurerm_user_assigned_identity.app.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "app_telemetry" {
  scope                = azurerm_application_insights.this.id
  role_definition_name = "Monitoring Metrics Publisher"
  principal_id         = azurerm_user_assigned_identity.app.principal_id
  principal_type       = "ServicePrincipal"
}

locals {
  dashboard_token_secret_id = var.dashboard_token_secret == null ? null : "${var.dashboard_token_secret.key_vault_id}/secrets/${var.dashboard_token_secret.name}"
}

locals {
  webhook_secret_id = var.webhook_secret == null ? null : "${var.webhook_secret.key_vault_id}/secrets/${var.webhook_secret.name}"

  has_key_vault_reference = var.dashboard_token_secret != null || var.webhook_secret != null
}

# Key Vault references are resolved with the system-assigned identity, so that identity exists only if there is a reference.
resource "azurerm_role_assignment" "dashboard_token" {
  count = var.dashboard_token_secret == null ? 0 : 1

  scope                = local.dashboard_token_secret_id
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azurerm_function_app_flex_consumption.this.identity[0].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "webhook" {
  # One assignment is enough for a secret that both name.
  count = var.webhook_secret == null || local.webhook_secret_id == local.dashboard_token_secret_id ? 0 : 1

  scope                = local.webhook_secret_id
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azurerm_function_app_flex_consumption.this.identity[0].principal_id
  principal_type       = "ServicePrincipal"
}

# App -------------------------------------------------------------------------------------------------------------------

resource "azurerm_service_plan" "this" {
  #checkov:skip=CKV_AZURE_212:Flex Consumption has no worker count; maximum_instance_count and always_ready_instance_count replace it.
  #checkov:skip=CKV_AZURE_225:Zones follow zone_redundancy_enabled (on in profiles/production.tfvars); it costs two always-ready instances.

  name                   = "asp-${local.stem}"
  resource_group_name    = azurerm_resource_group.this.name
  location               = var.location
  os_type                = "Linux"
  sku_name               = "FC1"
  zone_balancing_enabled = var.zone_redundancy_enabled
  tags                   = local.tags
}

locals {
  # Their names must not be in var.additional_settings, which is for all other settings of the handler.
  settings_with_variables = toset(keys(local.settings))

  # Null: not set, so that the handler uses its default.
  settings = {
    FOOTFALL_DATABASE_AUTH   = "entra"
    FOOTFALL_TIMEZONE        = var.time_zone
    FOOTFALL_FORGET          = var.forget
    FOOTFALL_ALL_TIME        = var.all_time_enabled ? "on" : "off"
    FOOTFALL_TRUSTED_PROXIES = tostring(coalesce(var.trusted_proxies, local.front_door_locked ? 2 : 1))
    FOOTFALL_PUBLIC_URL      = local.public_origin
    FOOTFALL_CONNECTIONS     = var.client_connections == null ? null : tostring(var.client_connections)
    FOOTFALL_RATE_LIMIT      = var.rate_limit
    FOOTFALL_SMALLEST_GROUP  = var.smallest_group
    FOOTFALL_SCRIPT          = var.script_name
    FOOTFALL_ENDPOINT        = var.endpoint_name
    FOOTFALL_LOG             = var.log_level
    FOOTFALL_SITES           = length(var.sites) == 0 ? null : join(",", var.sites)
    FOOTFALL_SUBDOMAINS      = var.subdomains_enabled ? "on" : null
    FOOTFALL_EVENTS          = length(var.events) == 0 ? null : join(",", var.events)
    FOOTFALL_EMBED           = length(var.embedding_origins) == 0 ? null : join(",", var.embedding_origins)
    FOOTFALL_PUBLIC_SITES    = length(var.public_sites) == 0 ? null : join(",", var.public_sites)
    FOOTFALL_REVOKED_LINKS   = length(var.revoked_links) == 0 ? null : join(",", var.revoked_links)
    FOOTFALL_RETENTION_DAYS  = var.retention_days == null ? null : tostring(var.retention_days)
    FOOTFALL_DASHBOARD_TOKEN = (var.dashboard_token_secret == null || !var.dashboard_token_reference_enabled ? null :
      "@Microsoft.KeyVault(VaultName=${basename(var.dashboard_token_secret.key_vault_id)};SecretName=${var.dashboard_token_secret.name})"
    )
    FOOTFALL_WEBHOOK = (var.webhook_secret == null || !var.dashboard_token_reference_enabled ? null :
      "@Microsoft.KeyVault(VaultName=${basename(var.webhook_secret.key_vault_id)};SecretName=${var.webhook_secret.name})"
    )
    FOOTFALL_WEBHOOK_FORMAT = var.webhook_secret == null ? null : var.webhook_format
  }

  app_settings = merge(
    {
      # Without this empty value the provider writes a connection string with an empty key (azurerm#30732, #29149, #29693).
      # With it, the host uses the identity-based settings. They name the account, because with service addresses some
      # hosts of spring 2026 failed on the empty setting (azure-functions-host#11787).
      #
      # The setting never converges: the provider omits it when it reads, so each plan adds it again (azurerm#33211).
      # ignore_changes would hide that and break the app. The next update of any setting would omit the empty value, and the
      # provider would write its broken connection string. So every plan has this line, and
      # terraform/scripts/plan-has-changes distinguishes it from a change.
      AzureWebJobsStorage              = ""
      AzureWebJobsStorage__accountName = azurerm_storage_account.this.name
      AzureWebJobsStorage__credential  = "managedidentity"
      AzureWebJobsStorage__clientId    = azurerm_user_assigned_identity.app.client_id

      # The host's home page would hide the page at "/".
      AzureWebJobsDisableHomepage = "true"

      # Telemetry with a token of the app's identity. The connection string is in site_config.
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING = "ClientId=${azurerm_user_assigned_identity.app.client_id};Authorization=AAD"

      PGHOST          = azurerm_postgresql_flexible_server.this.fqdn
      PGPORT          = tostring(local.database_port)
      PGDATABASE      = local.database_name
      PGUSER          = azurerm_user_assigned_identity.app.name
      AZURE_CLIENT_ID = azurerm_user_assigned_identity.app.client_id
    },
    { for name, value in local.settings : name => value if value != null },
    var.additional_settings,
  )
}

# Public on purpose, because visitors do not sign in. With front_door_enabled the app refuses all requests that did not come
# through Front Door, and with allowed_addresses all requests from other addresses.
resource "azurerm_function_app_flex_consumption" "this" {
  name                = local.function_app_name
  resource_group_name = azurerm_resource_group.this.name
  location            = var.location
  service_plan_id     = azurerm_service_plan.this.id
  tags                = local.tags

  runtime_name    = "custom"
  runtime_version = "1.0"

  instance_memory_in_mb  = var.instance_memory_in_mb
  maximum_instance_count = var.maximum_instance_count
  http_concurrency       = var.http_concurrency

  dynamic "always_ready" {
    for_each = var.always_ready_instance_count == 0 ? [] : [var.always_ready_instance_count]

    content {
      name           = "http"
      instance_count = always_ready.value
    }
  }

  storage_container_type            = "blobContainer"
  storage_container_endpoint        = "${azurerm_storage_account.this.primary_blob_endpoint}${azurerm_storage_container.packages.name}"
  storage_authentication_type       = "UserAssignedIdentity"
  storage_user_assigned_identity_id = azurerm_user_assigned_identity.app.id

  https_only                                     = true
  public_network_access_enabled                  = true
  webdeploy_publish_basic_authentication_enabled = false
  virtual_network_subnet_id                      = azurerm_subnet.functions.id

  identity {
    type         = local.has_key_vault_reference ? "SystemAssigned, UserAssigned" : "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.app.id]
  }

  app_settings = local.app_settings

  site_config {
    application_insights_connection_string = azurerm_application_insights.this.connection_string

    minimum_tls_version      = "1.2"
    scm_minimum_tls_version  = "1.2"
    http2_enabled            = true
    remote_debugging_enabled = false
    vnet_route_all_enabled   = true

    # With Front Door the origin accepts only this profile: the service tag identifies Front Door, and the header the
    # profile. Without this rule a client could forge X-Forwarded-For (FOOTFALL_TRUSTED_PROXIES is 2).
    ip_restriction_default_action     = local.front_door_locked || length(var.allowed_addresses) > 0 ? "Deny" : "Allow"
    scm_use_main_ip_restriction       = false
    scm_ip_restriction_default_action = "Allow"

    dynamic "ip_restriction" {
      for_each = local.front_door_locked ? [azurerm_cdn_frontdoor_profile.this[0].resource_guid] : []

      content {
        name        = "front-door"
        description = "Only this deployment's Front Door"
        priority    = 100
        action      = "Allow"
        service_tag = "AzureFrontDoor.Backend"

        headers = [{
          x_azure_fdid      = [ip_restriction.value]
          x_fd_health_probe = []
          x_forwarded_for   = []
          x_forwarded_host  = []
        }]
      }
    }

    dynamic "ip_restriction" {
      for_each = var.allowed_addresses

      content {
        name        = "allowed-${ip_restriction.key}"
        description = "allowed_addresses"
        priority    = 200 + ip_restriction.key
        action      = "Allow"
        ip_address  = ip_restriction.value
      }
    }
  }

  # The app must be able to read its package, find its database and send telemetry when it first starts.
  depends_on = [
    azurerm_role_assignment.app_blobs,
    azurerm_role_assignment.app_telemetry,
    azurerm_private_endpoint.blob,
    azurerm_private_endpoint.database,
    azurerm_subnet_network_security_group_association.this,
  ]
}

# Own host name -----------------------------------------------------------------------------------------------------------
# Without Front Door. Azure checks the DNS records of the output custom_domain_records when it creates the binding.

resource "azurerm_app_service_custom_hostname_binding" "this" {
  count = var.custom_domain != null && !var.front_door_enabled ? 1 : 0

  hostname            = var.custom_domain
  app_service_name    = azurerm_function_app_flex_consumption.this.name
  resource_group_name = azurerm_resource_group.this.name

  lifecycle {
    # The certificate's binding sets these.
    ignore_changes = [ssl_state, thumbprint]
  }
}

resource "azurerm_app_service_managed_certificate" "this" {
  count = length(azurerm_app_service_custom_hostname_binding.this)

  custom_hostname_binding_id = azurerm_app_service_custom_hostname_binding.this[0].id
  tags                       = local.tags
}

resource "azurerm_app_service_certificate_binding" "this" {
  count = length(azurerm_app_service_custom_hostname_binding.this)

  hostname_binding_id = azurerm_app_service_custom_hostname_binding.this[0].id
  certificate_id      = azurerm_app_service_managed_certificate.this[0].id
  ssl_state           = "SniEnabled"
}
