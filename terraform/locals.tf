locals {
  # Six hexadecimal digits that make names globally unique and never change.
  suffix = substr(sha256("${var.subscription_id}/${var.name}/${var.environment}"), 0, 6)
  stem   = "${var.name}-${var.environment}"

  tags = merge(var.tags, { workload = var.name, environment = var.environment })

  function_app_name    = "func-${local.stem}-${local.suffix}"
  storage_account_name = "st${var.name}${var.environment}${local.suffix}"
  database_server_name = join("-", compact(["psql", local.stem, local.suffix, var.database_server_suffix]))
  database_name        = "footfall"

  # The name of the app's identity is also the name of its role in the database, letter by letter.
  app_identity_name       = "id-${local.stem}-app"
  bootstrap_identity_name = "id-${local.stem}-bootstrap"
  github_identity_name    = "id-${local.stem}-github"

  # Connections -------------------------------------------------------------------------------------------------------
  # An instance holds at most one connection for the recorder, one for the reader, and a third while maintenance works.
  connections_per_instance = 3

  # The timer runs on its own instance, because Flex Consumption scales functions without an HTTP trigger separately. Azure's
  # documentation is not clear on whether maximum_instance_count includes that instance, so it is added here.
  timer_instances = 1

  # "Max user connections" by size, from Microsoft's page on limits of the flexible server: max_connections minus the 15
  # that the service reserves for replication and monitoring.
  database_user_connections_by_sku = {
    B_Standard_B1ms       = 35
    B_Standard_B2s        = 414
    B_Standard_B2ms       = 844
    B_Standard_B4ms       = 1703
    B_Standard_B8ms       = 3422
    GP_Standard_D2ds_v5   = 844
    GP_Standard_D2ads_v5  = 844
    GP_Standard_D4ds_v5   = 1703
    GP_Standard_D4ads_v5  = 1703
    GP_Standard_D8ds_v5   = 3422
    GP_Standard_D8ads_v5  = 3422
    GP_Standard_D16ds_v5  = 4985
    GP_Standard_D16ads_v5 = 4985
    GP_Standard_D32ds_v5  = 4985
    GP_Standard_D32ads_v5 = 4985
    MO_Standard_E2ds_v5   = 1703
    MO_Standard_E2ads_v5  = 1703
    MO_Standard_E4ds_v5   = 3422
    MO_Standard_E4ads_v5  = 3422
    MO_Standard_E8ds_v5   = 4985
    MO_Standard_E8ads_v5  = 4985
  }
  # Each node of a cluster keeps a share of its connections for each other node.
  database_is_cluster       = var.database_cluster_size != null
  database_user_connections = floor(lookup(local.database_user_connections_by_sku, var.database_sku_name, 0) / coalesce(var.database_cluster_size, 1))

  # With PgBouncer its client limit applies to the instances, and the server's limit to its pool.
  pooler_client_connections = 5000
  pooler_pool_size          = min(50, max(1, local.database_user_connections - var.database_connection_reserve))

  connections_limit      = var.database_pooler_enabled ? local.pooler_client_connections : local.database_user_connections
  connections_limit_name = var.database_pooler_enabled ? "client connections of PgBouncer" : "user connections of ${var.database_sku_name}${local.database_is_cluster ? " in a cluster of ${var.database_cluster_size}" : ""}"
  connections_available  = local.connections_limit - var.database_connection_reserve

  database_port = var.database_pooler_enabled ? 6432 : 5432

  # Addresses of the service --------------------------------------------------------------------------------------------
  function_host_name = "${local.function_app_name}.azurewebsites.net"
  front_door_locked  = var.front_door_enabled && var.front_door_lock_enabled
  default_host_name  = var.custom_domain != null ? var.custom_domain : var.front_door_enabled ? azurerm_cdn_frontdoor_endpoint.this[0].host_name : azurerm_function_app_flex_consumption.this.default_hostname

  # Null: the app's own host, which the handler knows from WEBSITE_HOSTNAME.
  public_origin = (
    var.custom_domain != null ? "https://${var.custom_domain}" :
    var.public_url != null ? try(regex("^https://[^/]+$", var.public_url), null) :
    var.front_door_enabled ? "https://${azurerm_cdn_frontdoor_endpoint.this[0].host_name}" : null
  )
  public_url = coalesce(var.public_url, "https://${local.default_host_name}")
}
