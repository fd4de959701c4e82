resource "azurerm_postgresql_flexible_server" "this" {
  #checkov:skip=CKV_AZURE_136:Geo-redundant backup doubles the price of backups and is fixed at creation; the operator decides with database_geo_redundant_backup_enabled (on in profiles/production.tfvars).

  name                = local.database_server_name
  resource_group_name = azurerm_resource_group.this.name
  location            = var.location
  tags                = local.tags

  version    = "17"
  sku_name   = var.database_sku_name
  storage_mb = var.database_storage_in_mb

  # The storage of an elastic cluster does not grow by itself.
  auto_grow_enabled = !local.database_is_cluster

  # No public address and no delegated subnet: the private endpoint below is the only access.
  public_network_access_enabled = false

  # Entra only. No administrator login exists, so there is no password to store.
  authentication {
    active_directory_auth_enabled = true
    password_auth_enabled         = false
    tenant_id                     = data.azurerm_client_config.current.tenant_id
  }

  backup_retention_days        = var.database_backup_retention_in_days
  geo_redundant_backup_enabled = var.database_geo_redundant_backup_enabled

  dynamic "cluster" {
    for_each = local.database_is_cluster ? [var.database_cluster_size] : []

    content {
      size = cluster.value

      # A cluster has exactly one database, which only its creation can name.
      default_database_name = local.database_name
    }
  }

  dynamic "high_availability" {
    for_each = var.database_high_availability_mode == "Disabled" ? [] : [var.database_high_availability_mode]

    content {
      mode = high_availability.value
    }
  }

  maintenance_window {
    day_of_week  = var.database_maintenance_window.day_of_week
    start_hour   = var.database_maintenance_window.start_hour
    start_minute = 0
  }

  lifecycle {
    # Only this server has the counts. A plan that would replace the server fails (docs/deployment.md, teardown).
    prevent_destroy = true

    # The platform chooses the zone, swaps zones at a failover, and grows the storage.
    ignore_changes = [zone, high_availability[0].standby_availability_zone, storage_mb]
  }
}

resource "azurerm_management_lock" "database" {
  count = var.deletion_protection_enabled ? 1 : 0

  name       = "lock-${local.database_server_name}"
  scope      = azurerm_postgresql_flexible_server.this.id
  lock_level = "CanNotDelete"
  notes      = "Holds every count there is. Set by Terraform (deletion_protection_enabled)."

  # The lock also protects all resources below the server. Terraform destroys a lock before the resources that the lock
  # depends on, and creates it after them. So one apply with deletion_protection_enabled = false can remove an
  # administrator, and the apply after a restore removes the old server's lock first (docs/runbook.md, locks).
  depends_on = [
    azurerm_monitor_diagnostic_setting.database,
    azurerm_postgresql_flexible_server_active_directory_administrator.bootstrap,
    azurerm_postgresql_flexible_server_active_directory_administrator.people,
    azurerm_postgresql_flexible_server_configuration.pooler,
    azurerm_postgresql_flexible_server_configuration.this,
    azurerm_private_endpoint.database,
  ]
}

locals {
  database_parameters = merge(
    {
      require_secure_transport = "on"
      ssl_min_protocol_version = "TLSv1.3"

      # Connections and failed logins, for the alert on failed logins and for an investigation. Only private addresses of
      # the functions and jobs subnets can appear.
      log_connections    = "on"
      log_disconnections = "on"
      log_checkpoints    = "on"
      log_lock_waits     = "on"

      # Statements contain values that visitors sent, so they are not logged, not even if they fail.
      log_statement                = "none"
      log_min_duration_statement   = "-1"
      log_min_error_statement      = "panic"
      log_parameter_max_length     = "0"
      log_error_verbosity          = "terse"
      "connection_throttle.enable" = "on"

      # An abandoned connection releases its locks and its slot.
      idle_in_transaction_session_timeout = "30000"
      tcp_keepalives_idle                 = "60"
      tcp_keepalives_interval             = "10"
      tcp_keepalives_count                = "6"
    },
    # After the loss of a node, the visitors of its open transactions wait this long. The default is a minute.
    !local.database_is_cluster ? {} : { "citus.recover_2pc_interval" = "5000" },
    !var.database_pooler_enabled ? {} : { "pgbouncer.enabled" = "true" },
  )

  # PgBouncer's default of max_prepared_statements is 0 on Azure, and without prepared statements the handler can't count. The
  # handler has fewer statements than the value here. Its login sends no parameter that PgBouncer rejects, so
  # ignore_startup_parameters stays empty.
  pooler_parameters = !var.database_pooler_enabled ? {} : {
    "pgbouncer.pool_mode"               = "transaction"
    "pgbouncer.default_pool_size"       = tostring(local.pooler_pool_size)
    "pgbouncer.max_client_conn"         = tostring(local.pooler_client_connections)
    "pgbouncer.max_prepared_statements" = "100"
  }
}

# Azure rejects a change of the server with 409 ServerBusy while its private endpoint is created or deleted, and the provider
# does not retry (azurerm#29177). So parameters and administrators wait for the endpoint, and are destroyed before it.
# terraform/scripts/check-azure models the busy server.
resource "azurerm_postgresql_flexible_server_configuration" "this" {
  for_each = local.database_parameters

  name      = each.key
  value     = each.value
  server_id = azurerm_postgresql_flexible_server.this.id

  depends_on = [azurerm_private_endpoint.database]
}

# These parameters exist only while pgbouncer.enabled is true.
resource "azurerm_postgresql_flexible_server_configuration" "pooler" {
  for_each = local.pooler_parameters

  name      = each.key
  value     = each.value
  server_id = azurerm_postgresql_flexible_server.this.id

  depends_on = [azurerm_postgresql_flexible_server_configuration.this]
}

resource "azurerm_private_endpoint" "database" {
  name                          = "pep-${local.database_server_name}"
  resource_group_name           = azurerm_resource_group.this.name
  location                      = var.location
  subnet_id                     = azurerm_subnet.endpoints.id
  custom_network_interface_name = "nic-${local.database_server_name}"
  tags                          = local.tags

  private_service_connection {
    name                           = local.database_server_name
    private_connection_resource_id = azurerm_postgresql_flexible_server.this.id
    subresource_names              = ["postgresqlServer"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [azurerm_private_dns_zone.this["database"].id]
  }

  depends_on = [azurerm_private_dns_zone_virtual_network_link.this]
}

# Administrators --------------------------------------------------------------------------------------------------------
# Only the job below uses the bootstrap identity. The app's identity is not an administrator.

resource "azurerm_user_assigned_identity" "bootstrap" {
  name                = local.bootstrap_identity_name
  resource_group_name = azurerm_resource_group.this.name
  location            = var.location
  tags                = local.tags
}

resource "azurerm_postgresql_flexible_server_active_directory_administrator" "bootstrap" {
  resource_group_name = azurerm_resource_group.this.name
  server_name         = azurerm_postgresql_flexible_server.this.name
  tenant_id           = data.azurerm_client_config.current.tenant_id
  object_id           = azurerm_user_assigned_identity.bootstrap.principal_id
  principal_name      = azurerm_user_assigned_identity.bootstrap.name
  principal_type      = "ServicePrincipal"

  depends_on = [azurerm_private_endpoint.database]
}

resource "azurerm_postgresql_flexible_server_active_directory_administrator" "people" {
  for_each = var.database_administrators

  resource_group_name = azurerm_resource_group.this.name
  server_name         = azurerm_postgresql_flexible_server.this.name
  tenant_id           = data.azurerm_client_config.current.tenant_id
  object_id           = each.value.object_id
  principal_name      = each.key
  principal_type      = each.value.type

  # Azure accepts one change of administrators at a time.
  depends_on = [azurerm_postgresql_flexible_server_active_directory_administrator.bootstrap]
}

# Role bootstrap --------------------------------------------------------------------------------------------------------
# A job inside the virtual network, which may run any number of times. A person or the pipeline starts the job by a call to
# the control plane, so a hosted runner can start it, too.

resource "azurerm_container_app_environment" "jobs" {
  count = var.database_bootstrap_enabled ? 1 : 0

  name                           = "cae-${local.stem}"
  resource_group_name            = azurerm_resource_group.this.name
  location                       = var.location
  infrastructure_subnet_id       = azurerm_subnet.jobs.id
  internal_load_balancer_enabled = true
  public_network_access          = "Disabled"
  tags                           = local.tags

  # By diagnostic setting, because the other destination needs the workspace's shared key.
  logs_destination = "azure-monitor"

  workload_profile {
    name                  = "Consumption"
    workload_profile_type = "Consumption"
  }

  lifecycle {
    ignore_changes = [infrastructure_resource_group_name]
  }

  depends_on = [azurerm_subnet_network_security_group_association.this]
}

resource "azurerm_container_app_job" "bootstrap" {
  count = var.database_bootstrap_enabled ? 1 : 0

  name                         = "caj-${local.stem}-bootstrap"
  resource_group_name          = azurerm_resource_group.this.name
  location                     = var.location
  container_app_environment_id = azurerm_container_app_environment.jobs[0].id
  workload_profile_name        = "Consumption"
  replica_timeout_in_seconds   = 600
  replica_retry_limit          = 2
  tags                         = local.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.bootstrap.id]
  }

  manual_trigger_config {
    parallelism              = 1
    replica_completion_count = 1
  }

  template {
    container {
      name    = "bootstrap"
      image   = var.database_bootstrap_image
      cpu     = 0.25
      memory  = "0.5Gi"
      command = ["/bin/sh", "-c", file("${path.module}/bootstrap/run.sh")]

      dynamic "env" {
        for_each = {
          PGHOST          = azurerm_postgresql_flexible_server.this.fqdn
          PGUSER          = azurerm_user_assigned_identity.bootstrap.name
          AZURE_CLIENT_ID = azurerm_user_assigned_identity.bootstrap.client_id
          APP_DATABASE    = local.database_name
          APP_ROLE        = azurerm_user_assigned_identity.app.name
          APP_PRINCIPAL   = azurerm_user_assigned_identity.app.principal_id
          ROLES_SQL       = file("${path.module}/bootstrap/roles.sql")
        }

        content {
          name  = env.key
          value = env.value
        }
      }
    }
  }

  depends_on = [
    azurerm_postgresql_flexible_server_active_directory_administrator.bootstrap,
    azurerm_private_endpoint.database,
  ]
}
