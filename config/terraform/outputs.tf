output "eventbridge" {
  description = "The keys of [eventbridge] in the gateway's configuration."
  value = {
    queue_url                  = aws_sqs_queue.events.id
    region                     = local.region
    dead_letter_queue_url      = aws_sqs_queue.dead_letters.id
    rule_dead_letter_queue_url = aws_sqs_queue.undelivered.id
  }
}

output "event_source_name" {
  description = "The partner event source, which is also the bus's name."
  value       = local.source
}
