variable "queue_name" {
  description = "The queue; its dead-letter queues get its name with -dead-letters and -undelivered."
  type        = string
  default     = "auth0-events"
}

variable "rule_name" {
  description = "The rule on the bus."
  type        = string
  default     = "twinstream"
}

variable "event_types" {
  description = "What both of Auth0's streams subscribe to."
  type        = list(string)
  default     = ["user.created", "user.updated", "user.deleted"]
}

variable "event_source_name" {
  description = "The partner event source of an EventBridge stream that is there already (aws.partner/auth0.com/…/auth0.events); null makes the stream."
  type        = string
  default     = null

  validation {
    condition     = var.event_source_name == null || can(regex("^aws\\.partner/auth0\\.com/[^/]+/auth0\\.events$", var.event_source_name))
    error_message = "It must be the source of an event stream, ending in /auth0.events; one that ends in /auth0.logs is a log stream."
  }
}

variable "webhook_url" {
  description = "The gateway's public https:// address with its path, such as https://events.example.com/webhooks/auth0; null makes no webhook stream."
  type        = string
  default     = null
}

variable "webhook_token" {
  description = "The bearer token of the webhook stream, one of the gateway's webhook.secrets. It is not kept in the state."
  type        = string
  default     = null
  sensitive   = true
  ephemeral   = true
}

variable "webhook_token_version" {
  description = "Raise it when the token changes: the token itself is not remembered, and can't be compared."
  type        = number
  default     = 1
}

variable "detail_pattern" {
  description = "An EventBridge pattern on the CloudEvent, such as { type = [\"user.updated\"] }; what it does not match does not come and costs nothing. null takes all."
  type        = any
  default     = null
}

variable "visibility_timeout_seconds" {
  description = "For how long a received message is hidden."
  type        = number
  default     = 90
}

variable "max_receive_count" {
  description = "After how many receives a message is a dead letter."
  type        = number
  default     = 3

  validation {
    condition     = var.max_receive_count >= 2 && var.max_receive_count <= 1000
    error_message = "It must be from 2 to 1000: with 1 a message that is handed out twice is a dead letter."
  }
}

variable "message_retention_seconds" {
  description = "For how long the queue keeps what nobody takes."
  type        = number
  default     = 345600
}

variable "archive_days" {
  description = "For how many days an archive keeps all events of the bus, 0 for ever; null makes no archive."
  type        = number
  default     = null
}
