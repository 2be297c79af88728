# The same things with the same settings as `twinstream setup aws` and `twinstream setup auth0` make. Take one
# of the two ways, not both.

data "aws_caller_identity" "here" {}
data "aws_region" "here" {}
data "aws_partition" "here" {}

locals {
  region  = data.aws_region.here.id
  account = data.aws_caller_identity.here.account_id
  arns    = "arn:${data.aws_partition.here.partition}"

  # The event's source, the event source and the bus all have this one name.
  source = var.event_source_name != null ? var.event_source_name : auth0_event_stream.eventbridge[0].eventbridge_configuration[0].aws_partner_event_source

  queue_arn = "${local.arns}:sqs:${local.region}:${local.account}:${var.queue_name}"
  rule_arn  = "${local.arns}:events:${local.region}:${local.account}:rule/${local.source}/${var.rule_name}"

  # By prefix: the exact text aws.partner/auth0.com matches nothing.
  source_pattern = { source = [{ prefix = "aws.partner/auth0.com/" }] }
}

# Auth0's two streams, with the same subscriptions.

resource "auth0_event_stream" "eventbridge" {
  count = var.event_source_name == null ? 1 : 0

  name             = "twinstream-eventbridge"
  destination_type = "eventbridge"
  subscriptions    = var.event_types

  eventbridge_configuration {
    aws_account_id = local.account
    aws_region     = local.region
  }
}

resource "auth0_event_stream" "webhook" {
  count = var.webhook_url == null ? 0 : 1

  name             = "twinstream-webhook"
  destination_type = "webhook"
  subscriptions    = var.event_types

  webhook_configuration {
    webhook_endpoint = var.webhook_url

    webhook_authorization {
      method           = "bearer"
      token_wo         = var.webhook_token
      token_wo_version = var.webhook_token_version
    }
  }
}

# This associates the source: before, what Auth0 sends is dropped.
resource "aws_cloudwatch_event_bus" "auth0" {
  name              = local.source
  event_source_name = local.source
}

resource "aws_cloudwatch_event_archive" "auth0" {
  count = var.archive_days == null ? 0 : 1

  name             = var.queue_name
  event_source_arn = aws_cloudwatch_event_bus.auth0.arn
  retention_days   = var.archive_days
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.queue_name}-dead-letters"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "undelivered" {
  name                      = "${var.queue_name}-undelivered"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "events" {
  name                       = var.queue_name
  visibility_timeout_seconds = var.visibility_timeout_seconds
  message_retention_seconds  = var.message_retention_seconds
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = var.max_receive_count
  })
}

resource "aws_sqs_queue_redrive_allow_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.queue_arn]
  })
}

resource "aws_sqs_queue_policy" "events" {
  queue_url = aws_sqs_queue.events.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TwinstreamRuleOnly"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.events.arn
        Condition = { ArnEquals = { "aws:SourceArn" = local.rule_arn } }
      },
      {
        Sid       = "TwinstreamTlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.events.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_sqs_queue_policy" "undelivered" {
  queue_url = aws_sqs_queue.undelivered.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TwinstreamRuleOnly"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.undelivered.arn
        Condition = { ArnEquals = { "aws:SourceArn" = local.rule_arn } }
      },
      {
        Sid       = "TwinstreamTlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.undelivered.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TwinstreamTlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.dead_letters.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_cloudwatch_event_rule" "auth0" {
  name           = var.rule_name
  description    = "Auth0's events to the queue that twinstream takes from"
  event_bus_name = aws_cloudwatch_event_bus.auth0.name
  state          = "ENABLED"

  event_pattern = var.detail_pattern == null ? jsonencode(local.source_pattern) : jsonencode(merge(local.source_pattern, { detail = var.detail_pattern }))
}

resource "aws_cloudwatch_event_target" "queue" {
  rule           = aws_cloudwatch_event_rule.auth0.name
  event_bus_name = aws_cloudwatch_event_bus.auth0.name
  target_id      = "twinstream"
  arn            = aws_sqs_queue.events.arn

  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }

  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }

  # It sends from its first moment on: both queues must let it in by then.
  depends_on = [aws_sqs_queue_policy.events, aws_sqs_queue_policy.undelivered]
}
