# Alerts, their recipients, the workbook and the logs.

mock_provider "azurerm" {
  override_during = plan
  source          = "./tests/mocks"
}

variables {
  subscription_id = "11111111-2222-3333-4444-555555555555"
  location        = "swedencentral"
  environment     = "test"
  monthly_budget  = 100

  database_bootstrap_image = "docker.io/library/postgres:17-alpine@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
}

run "every_alert_there_should_be" {
  command = plan

  assert {
    condition     = toset(keys(azurerm_monitor_metric_alert.database)) == toset(["down", "cpu", "memory", "storage", "connections", "logins", "credits"])
    error_message = "The database needs alerts for: down, processor, memory, storage, connections, failed logins, credits."
  }

  assert {
    condition     = toset(keys(azurerm_monitor_scheduled_query_rules_alert_v2.this)) == toset(["server-errors", "latency", "handler-restarts", "database-lost", "maintenance-stopped", "log-cap", "silence"])
    error_message = "The app needs alerts for: errors, latency, restarts, lost database, stopped maintenance, silence."
  }

  assert {
    condition     = azurerm_monitor_scheduled_query_rules_alert_v2.this["log-cap"].scopes == tolist([azurerm_log_analytics_workspace.this.id]) && one(azurerm_monitor_activity_log_alert.resource_health.criteria).category == "ResourceHealth" && azurerm_monitor_activity_log_alert.resource_health.scopes == toset([azurerm_resource_group.this.id])
    error_message = "The workspace needs an alert for its cap, and the group one for the health of its resources."
  }

  assert {
    condition     = toset(keys(azurerm_monitor_metric_alert.availability)) == toset(["live", "version"]) && toset([for test in azurerm_application_insights_standard_web_test.this : one(test.request).url]) == toset(["https://func-mock.azurewebsites.net/health/live", "https://func-mock.azurewebsites.net/version"])
    error_message = "Availability tests must cover /health/live and /version."
  }

  assert {
    condition     = alltrue([for test in azurerm_application_insights_standard_web_test.this : one(test.validation_rules).expected_status_code == 200 && one(test.validation_rules).ssl_check_enabled]) && one(one(azurerm_application_insights_standard_web_test.this["version"].validation_rules).content).content_match == "\"commit\""
    error_message = "A test must expect 200 and a valid certificate, and a commit in /version."
  }
}

run "every_alert_tells_somebody" {
  command = plan

  variables {
    alert_emails = ["operator@example.com"]
  }

  assert {
    condition     = alltrue([for alert in merge(azurerm_monitor_metric_alert.database, azurerm_monitor_metric_alert.availability) : one(alert.action).action_group_id == azurerm_monitor_action_group.this.id])
    error_message = "Each metric alert needs an action."
  }

  assert {
    condition     = alltrue([for alert in azurerm_monitor_scheduled_query_rules_alert_v2.this : one(alert.action).action_groups == tolist([azurerm_monitor_action_group.this.id])])
    error_message = "Each query alert needs an action."
  }

  assert {
    condition     = one(azurerm_monitor_scheduled_query_rules_alert_v2.this["log-cap"].action).action_groups == tolist([azurerm_monitor_action_group.this.id]) && one(azurerm_monitor_activity_log_alert.resource_health.action).action_group_id == azurerm_monitor_action_group.this.id
    error_message = "The alerts for the cap and for resource health need an action."
  }

  assert {
    condition     = [for receiver in azurerm_monitor_action_group.this.email_receiver : receiver.email_address] == ["operator@example.com"]
    error_message = "The operator must get alerts."
  }

  assert {
    condition     = length(azurerm_consumption_budget_resource_group.this.notification) == 3 && alltrue([for notice in azurerm_consumption_budget_resource_group.this.notification : notice.contact_groups == tolist([azurerm_monitor_action_group.this.id])])
    error_message = "The budget's notices must have the same recipients."
  }

  assert {
    condition     = can(regex("^[0-9]{4}-[0-9]{2}-01T00:00:00Z$", one(azurerm_consumption_budget_resource_group.this.time_period).start_date))
    error_message = "The budget must begin on the first day of a month."
  }
}

run "thresholds_follow_the_size" {
  command = plan

  variables {
    database_sku_name = "GP_Standard_D2ds_v5"
  }

  assert {
    condition     = one(azurerm_monitor_metric_alert.database["connections"].criteria).threshold == 675 && !contains(keys(azurerm_monitor_metric_alert.database), "credits")
    error_message = "The threshold of connections must be 80 % of 844, and only Burstable sizes may have an alert for credits."
  }
}

run "thresholds_reach_the_queries" {
  command = plan

  variables {
    latency_alert_in_ms           = 777
    server_error_alert_percentage = 3
    usual_pageviews_per_hour      = 42
  }

  assert {
    condition = (
      strcontains(one(azurerm_monitor_scheduled_query_rules_alert_v2.this["latency"].criteria).query, "p95 > 777") &&
      strcontains(one(azurerm_monitor_scheduled_query_rules_alert_v2.this["server-errors"].criteria).query, "/ total > 3") &&
      strcontains(one(azurerm_monitor_scheduled_query_rules_alert_v2.this["silence"].criteria).query, "yesterday >= 42")
    )
    error_message = "Each threshold must be in its query."
  }

  assert {
    condition     = alltrue([for alert in azurerm_monitor_scheduled_query_rules_alert_v2.this : !strcontains(one(alert.criteria).query, "$${")])
    error_message = "A query must not contain a placeholder."
  }
}

run "a_host_that_gave_up_is_seen_where_it_says_so" {
  command = plan

  assert {
    condition     = strcontains(one(azurerm_monitor_scheduled_query_rules_alert_v2.this["handler-restarts"].criteria).query, "exceptions\n| where outerMessage has_any")
    error_message = "The query must read exceptions, because \"Initializing HttpWorker timed out\" is always the message of an exception."
  }
}

run "silence_can_be_switched_off" {
  command = plan

  variables {
    usual_pageviews_per_hour = null
  }

  assert {
    condition     = !contains(keys(azurerm_monitor_scheduled_query_rules_alert_v2.this), "silence")
    error_message = "Without usual_pageviews_per_hour there must be no alert of silence."
  }
}

run "the_workbook_is_a_workbook" {
  command = plan

  assert {
    condition     = jsondecode(azurerm_application_insights_workbook.this.data_json).version == "Notebook/1.0" && length(jsondecode(azurerm_application_insights_workbook.this.data_json).items) == 9
    error_message = "The workbook must have a heading, a time range and seven charts."
  }

  assert {
    condition     = can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", azurerm_application_insights_workbook.this.name))
    error_message = "The workbook's name must be a lower-case GUID."
  }
}

run "logs_go_to_the_workspace" {
  command = plan

  assert {
    condition     = contains([for log in azurerm_monitor_diagnostic_setting.database.enabled_log : log.category], "PostgreSQLLogs") && azurerm_monitor_diagnostic_setting.database.log_analytics_workspace_id == azurerm_log_analytics_workspace.this.id
    error_message = "The database's log must be stored."
  }

  assert {
    condition     = azurerm_application_insights.this.workspace_id == azurerm_log_analytics_workspace.this.id
    error_message = "Application Insights must be workspace-based."
  }
}

run "the_first_apply_does_not_wait_for_a_rule_that_may_never_come" {
  command = plan

  assert {
    condition     = !strcontains(file("${path.module}/providers.tf"), "disable_generated_rule")
    error_message = "The provider must not wait for Application Insights' own rule until its time-out (azurerm#18026)."
  }
}

# Terraform destroys a resource before the resources that it depends on: first the lock, then the resources below it.
run "locks_go_before_what_lies_below_them" {
  command = plan

  assert {
    condition = alltrue([for needed in ["administrator.bootstrap", "administrator.people", "configuration.this", "private_endpoint.database", "diagnostic_setting.database"] :
      can(regex("depends_on = [^\\]]*${needed},", regex("(?s)resource \"azurerm_management_lock\" \"database\" .*?\n}\n", file("${path.module}/main.database.tf"))))
    ])
    error_message = "The database's lock must depend on all resources below the server, or it blocks their removal."
  }

  assert {
    condition = alltrue([for needed in ["diagnostic_setting.blobs", "private_endpoint.blob", "role_assignment.app_blobs", "storage_container.packages"] :
      can(regex("depends_on = [^\\]]*${needed},", regex("(?s)resource \"azurerm_management_lock\" \"storage\" .*?\n}\n", file("${path.module}/main.function.tf"))))
    ])
    error_message = "The storage account's lock must depend on all resources below the account."
  }
}

run "locks_follow_their_switches" {
  command = plan

  variables {
    deletion_protection_enabled = false
    resource_group_lock_enabled = true
  }

  assert {
    condition     = length(azurerm_management_lock.database) == 0 && length(azurerm_management_lock.storage) == 0 && azurerm_management_lock.resource_group[0].lock_level == "CanNotDelete"
    error_message = "Each lock must have its own variable."
  }
}
