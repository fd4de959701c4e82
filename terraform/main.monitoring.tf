# The workspace, the alerts, the workbook and the budget. All alerts are in one file, so that a missing one is easy to notice.

resource "azurerm_log_analytics_workspace" "this" {
  name                         = "log-${local.stem}"
  resource_group_name          = azurerm_resource_group.this.name
  location                     = var.location
  sku                          = "PerGB2018"
  retention_in_days            = var.log_retention_in_days
  daily_quota_gb               = var.log_daily_cap_in_gb
  local_authentication_enabled = false
  tags                         = local.tags
}

resource "azurerm_application_insights" "this" {
  name                         = "appi-${local.stem}"
  resource_group_name          = azurerm_resource_group.this.name
  location                     = var.location
  workspace_id                 = azurerm_log_analytics_workspace.this.id
  application_type             = "other"
  retention_in_days            = var.log_retention_in_days < 60 ? 30 : var.log_retention_in_days < 90 ? 60 : 90
  daily_data_cap_in_gb         = var.log_daily_cap_in_gb
  local_authentication_enabled = false
  ip_masking_enabled           = true
  tags                         = local.tags

  # The host samples requests before it sends them (host.json); itemCount is the number of requests that a row represents.
  # A second sampling here would also drop lines of the handler.
  sampling_percentage = 100
}

# Logs of the services --------------------------------------------------------------------------------------------------

resource "azurerm_monitor_diagnostic_setting" "database" {
  name                           = "to-workspace"
  target_resource_id             = azurerm_postgresql_flexible_server.this.id
  log_analytics_workspace_id     = azurerm_log_analytics_workspace.this.id
  log_analytics_destination_type = "Dedicated"

  enabled_log {
    category = "PostgreSQLLogs"
  }
}

# Writes and deletes in the package's container. Reads come from the platform, and would be the largest cost.
resource "azurerm_monitor_diagnostic_setting" "blobs" {
  name                       = "to-workspace"
  target_resource_id         = "${azurerm_storage_account.this.id}/blobServices/default"
  log_analytics_workspace_id = azurerm_log_analytics_workspace.this.id

  enabled_log {
    category = "StorageDelete"
  }

  enabled_log {
    category = "StorageWrite"
  }
}

resource "azurerm_monitor_diagnostic_setting" "jobs" {
  count = var.database_bootstrap_enabled ? 1 : 0

  name                       = "to-workspace"
  target_resource_id         = azurerm_container_app_environment.jobs[0].id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.this.id

  enabled_log {
    category = "ContainerAppConsoleLogs"
  }

  enabled_log {
    category = "ContainerAppSystemLogs"
  }
}

# Only the firewall's actions. The access log would have a line for every visitor.
resource "azurerm_monitor_diagnostic_setting" "front_door" {
  count = var.front_door_enabled ? 1 : 0

  name                       = "to-workspace"
  target_resource_id         = azurerm_cdn_frontdoor_profile.this[0].id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.this.id

  enabled_log {
    category = "FrontDoorWebApplicationFirewallLog"
  }
}

# Recipients --------------------------------------------------------------------------------------------------------------

resource "azurerm_monitor_action_group" "this" {
  name                = "ag-${local.stem}"
  resource_group_name = azurerm_resource_group.this.name
  short_name          = substr(local.stem, 0, 12)
  tags                = local.tags

  dynamic "email_receiver" {
    for_each = toset(var.alert_emails)

    content {
      name                    = email_receiver.value
      email_address           = email_receiver.value
      use_common_alert_schema = true
    }
  }
}

# Availability ------------------------------------------------------------------------------------------------------------
# /health/live shows that the process responds, /version which build it is. Both tests use the address of visitors.

locals {
  availability_tests = {
    live    = { path = "/health/live", expect = null }
    version = { path = "/version", expect = "\"commit\"" }
  }
}

resource "azurerm_application_insights_standard_web_test" "this" {
  for_each = local.availability_tests

  name                    = "webtest-${local.stem}-${each.key}"
  resource_group_name     = azurerm_resource_group.this.name
  location                = var.location
  application_insights_id = azurerm_application_insights.this.id
  description             = "GET ${each.value.path}"
  enabled                 = true
  frequency               = var.availability_test_frequency_in_seconds
  timeout                 = 30
  retry_enabled           = true
  geo_locations           = var.availability_test_locations
  tags                    = local.tags

  request {
    url                              = "${local.public_url}${each.value.path}"
    http_verb                        = "GET"
    follow_redirects_enabled         = false
    parse_dependent_requests_enabled = false
  }

  validation_rules {
    expected_status_code        = 200
    ssl_check_enabled           = true
    ssl_cert_remaining_lifetime = 14

    dynamic "content" {
      for_each = each.value.expect == null ? [] : [each.value.expect]

      content {
        content_match      = content.value
        pass_if_text_found = true
      }
    }
  }

  lifecycle {
    # Azure ties the test to its component with a hidden tag.
    ignore_changes = [tags]
  }
}

resource "azurerm_monitor_metric_alert" "availability" {
  for_each = local.availability_tests

  name                = "alert-${local.stem}-availability-${each.key}"
  resource_group_name = azurerm_resource_group.this.name
  description         = "Two or more locations cannot reach ${each.value.path}."
  severity            = 1
  frequency           = "PT1M"
  window_size         = var.availability_test_frequency_in_seconds > 300 ? "PT30M" : "PT15M"
  scopes              = [azurerm_application_insights.this.id, azurerm_application_insights_standard_web_test.this[each.key].id]
  tags                = local.tags

  application_insights_web_test_location_availability_criteria {
    component_id          = azurerm_application_insights.this.id
    web_test_id           = azurerm_application_insights_standard_web_test.this[each.key].id
    failed_location_count = 2
  }

  action {
    action_group_id = azurerm_monitor_action_group.this.id
  }
}

# Database metrics ----------------------------------------------------------------------------------------------------------

locals {
  database_alerts = merge(
    {
      down        = { metric = "is_db_alive", aggregation = "Maximum", operator = "LessThan", threshold = 1, window = "PT5M", severity = 1, description = "The database does not respond." }
      cpu         = { metric = "cpu_percent", aggregation = "Average", operator = "GreaterThan", threshold = 80, window = "PT15M", severity = 2, description = "Database processor above 80 % for a quarter of an hour." }
      memory      = { metric = "memory_percent", aggregation = "Average", operator = "GreaterThan", threshold = 90, window = "PT30M", severity = 3, description = "Database memory above 90 % for half an hour." }
      storage     = { metric = "storage_percent", aggregation = "Average", operator = "GreaterThan", threshold = 85, window = "PT1H", severity = 2, description = "Database storage above 85 %; storage grows by itself, and never shrinks." }
      connections = { metric = "active_connections", aggregation = "Maximum", operator = "GreaterThan", threshold = floor(local.database_user_connections * 0.8), window = "PT15M", severity = 2, description = "More than 80 % of the ${local.database_user_connections} user connections of ${var.database_sku_name} are in use." }
      logins      = { metric = "connections_failed", aggregation = "Total", operator = "GreaterThan", threshold = 10, window = "PT15M", severity = 1, description = "More than ten failed logins in a quarter of an hour. Only the app and the bootstrap job should log in." }
    },
    !startswith(var.database_sku_name, "B_") ? {} : {
      credits = { metric = "cpu_credits_remaining", aggregation = "Minimum", operator = "LessThan", threshold = 20, window = "PT30M", severity = 2, description = "The Burstable database has almost used up its processor credits, and will be slow." }
    },
  )
}

resource "azurerm_monitor_metric_alert" "database" {
  for_each = local.database_alerts

  name                = "alert-${local.stem}-database-${each.key}"
  resource_group_name = azurerm_resource_group.this.name
  description         = each.value.description
  severity            = each.value.severity
  frequency           = "PT5M"
  window_size         = each.value.window
  scopes              = [azurerm_postgresql_flexible_server.this.id]
  tags                = local.tags

  criteria {
    metric_namespace = "Microsoft.DBforPostgreSQL/flexibleServers"
    metric_name      = each.value.metric
    aggregation      = each.value.aggregation
    operator         = each.value.operator
    threshold        = each.value.threshold
  }

  action {
    action_group_id = azurerm_monitor_action_group.this.id
  }
}

# Requests and log lines --------------------------------------------------------------------------------------------------
# Each query returns rows only while there is a problem. The queries are files, so that a person can run them, and a test can
# compare them with the fields that the handler logs.

locals {
  query_alerts = merge(
    {
      server-errors = {
        severity    = 1, frequency = "PT${var.query_alert_frequency_in_minutes}M", window = "PT15M", lookback = null
        query       = templatefile("${path.module}/queries/server-errors.kql", { percentage = var.server_error_alert_percentage })
        description = "More than ${var.server_error_alert_percentage} % of requests got 5xx."
      }
      latency = {
        severity    = 2, frequency = "PT${var.query_alert_frequency_in_minutes}M", window = "PT15M", lookback = null
        query       = templatefile("${path.module}/queries/latency.kql", { milliseconds = var.latency_alert_in_ms })
        description = "The 95th percentile of requests is above ${var.latency_alert_in_ms} ms."
      }
      handler-restarts = {
        severity    = 1, frequency = "PT${var.query_alert_frequency_in_minutes}M", window = "PT30M", lookback = null
        query       = file("${path.module}/queries/handler-restarts.kql")
        description = "The handler started again on a running instance, or the host gave up on it."
      }
      database-lost = {
        severity    = 2, frequency = "PT${var.query_alert_frequency_in_minutes}M", window = "PT15M", lookback = null
        query       = file("${path.module}/queries/database-lost.kql")
        description = "Instances have lost the database many times, or for more than five minutes."
      }
      maintenance-stopped = {
        severity    = 2, frequency = "PT1H", window = "P1D", lookback = null
        query       = file("${path.module}/queries/maintenance-stopped.kql")
        description = "No maintenance has ended for six hours, so expired data is not deleted."
      }
      # The workspace logs its own operations, also beyond the cap.
      log-cap = {
        severity    = 2, frequency = "PT15M", window = "PT1H", lookback = null
        query       = file("${path.module}/queries/log-cap.kql")
        description = "The workspace has reached log_daily_cap_in_gb: query alerts do not fire until the next day."
        scope       = azurerm_log_analytics_workspace.this.id
      }
    },
    var.dashboard_token_secret == null ? {} : {
      token-unresolved = {
        severity    = 1, frequency = "PT${var.query_alert_frequency_in_minutes}M", window = "PT2H", lookback = null
        query       = file("${path.module}/queries/token-unresolved.kql")
        description = "Azure cannot read the dashboard token: visits count, and private statistics respond 503."
      }
    },
    var.usual_pageviews_per_hour == null ? {} : {
      silence = {
        severity    = 2, frequency = "PT15M", window = "PT1H", lookback = "P2D"
        query       = templatefile("${path.module}/queries/silence.kql", { usual = var.usual_pageviews_per_hour })
        description = "No pageview for an hour, although the same hour yesterday had ${var.usual_pageviews_per_hour} or more."
      }
    },
  )
}

resource "azurerm_monitor_scheduled_query_rules_alert_v2" "this" {
  for_each = local.query_alerts

  name                      = "alert-${local.stem}-${each.key}"
  resource_group_name       = azurerm_resource_group.this.name
  location                  = var.location
  description               = each.value.description
  severity                  = each.value.severity
  evaluation_frequency      = each.value.frequency
  window_duration           = each.value.window
  query_time_range_override = each.value.lookback
  scopes                    = [try(each.value.scope, azurerm_application_insights.this.id)]
  auto_mitigation_enabled   = true
  tags                      = local.tags

  # On the first apply there is no telemetry yet, so the tables do not exist.
  skip_query_validation = true

  criteria {
    query                   = each.value.query
    time_aggregation_method = "Count"
    operator                = "GreaterThan"
    threshold               = 0

    failing_periods {
      minimum_failing_periods_to_trigger_alert = 1
      number_of_evaluation_periods             = 1
    }
  }

  action {
    action_groups = [azurerm_monitor_action_group.this.id]
  }
}

# Azure's own view of each resource, also if the resource sends no metric.
resource "azurerm_monitor_activity_log_alert" "resource_health" {
  name                = "alert-${local.stem}-resource-health"
  resource_group_name = azurerm_resource_group.this.name
  location            = "global"
  description         = "Azure reports that a resource of this deployment is unavailable or degraded."
  scopes              = [azurerm_resource_group.this.id]
  tags                = local.tags

  criteria {
    category = "ResourceHealth"

    resource_health {
      current  = ["Degraded", "Unavailable"]
      previous = ["Available", "Unknown"]
    }
  }

  action {
    action_group_id = azurerm_monitor_action_group.this.id
  }
}

# At a glance -------------------------------------------------------------------------------------------------------------

locals {
  # In the order of the page.
  workbook_charts = [
    { title = "Pageviews and visits a minute", query = "visits", visualization = "timechart" },
    { title = "Requests: 50th and 95th percentile in ms, by function", query = "requests", visualization = "table" },
    { title = "Recorder: commit time in ms", query = "commits", visualization = "timechart" },
    { title = "Recorder: largest batch and deepest queue", query = "queue", visualization = "timechart" },
    { title = "Not counted, by reason", query = "exclusions", visualization = "barchart" },
    { title = "Starts of the handler", query = "starts", visualization = "table" },
    { title = "Failures with their trace", query = "failures", visualization = "table" },
  ]

  workbook = {
    version = "Notebook/1.0"
    items = concat(
      [
        {
          type = 1
          name = "heading"
          content = {
            json = "# ${local.stem}\n${local.public_url}"
          }
        },
        {
          type = 9
          name = "parameters"
          content = {
            version = "KqlParameterItem/1.0"
            style   = "pills"
            parameters = [{
              id         = uuidv5("dns", "range.${local.function_host_name}")
              version    = "KqlParameterItem/1.0"
              name       = "Range"
              label      = "Time"
              type       = 4
              isRequired = true
              value      = { durationMs = 86400000 }
              typeSettings = {
                selectableValues = [{ durationMs = 3600000 }, { durationMs = 14400000 }, { durationMs = 86400000 }, { durationMs = 604800000 }]
                allowCustom      = true
              }
            }]
          }
        },
      ],
      [for chart in local.workbook_charts : {
        type = 3
        name = chart.query
        content = {
          version                  = "KqlItem/1.0"
          query                    = file("${path.module}/queries/${chart.query}.kql")
          size                     = 0
          title                    = chart.title
          queryType                = 0
          resourceType             = "microsoft.insights/components"
          visualization            = chart.visualization
          timeContextFromParameter = "Range"
          crossComponentResources  = [azurerm_application_insights.this.id]
          showExportToExcel        = true
          noDataMessage            = "Nothing in this range."
        }
      }],
    )
  }
}

resource "azurerm_application_insights_workbook" "this" {
  name                = uuidv5("dns", local.function_host_name)
  resource_group_name = azurerm_resource_group.this.name
  location            = var.location
  display_name        = "Footfall at a glance (${local.stem})"
  source_id           = lower(azurerm_application_insights.this.id)
  data_json           = jsonencode(local.workbook)
  tags                = local.tags
}

# Budget ------------------------------------------------------------------------------------------------------------------

resource "azurerm_consumption_budget_resource_group" "this" {
  name              = "budget-${local.stem}"
  resource_group_id = azurerm_resource_group.this.id
  amount            = var.monthly_budget
  time_grain        = "Monthly"

  time_period {
    start_date = formatdate("YYYY-MM-01'T'00:00:00Z", plantimestamp())
  }

  dynamic "notification" {
    for_each = {
      spent_80     = { threshold = 80, type = "Actual" }
      spent_100    = { threshold = 100, type = "Actual" }
      forecast_100 = { threshold = 100, type = "Forecasted" }
    }

    content {
      enabled        = true
      operator       = "GreaterThanOrEqualTo"
      threshold      = notification.value.threshold
      threshold_type = notification.value.type
      contact_groups = [azurerm_monitor_action_group.this.id]
      contact_roles  = ["Owner"]
    }
  }

  lifecycle {
    # The start must be the first day of a month that is not over, and cannot change after creation.
    ignore_changes = [time_period]
  }
}
