// What the administrative routes ask of the log beyond core's EventLog; our broker has it.
import type { Broker } from '../broker/broker.ts'

/** The broker's side for operators and readers. */
export type LogAdmin = Pick<
  Broker,
  | 'createTopic'
  | 'alterTopic'
  | 'deleteTopic'
  | 'describeTopic'
  | 'configs'
  | 'findTopic'
  | 'groups'
  | 'groupsCoordinator'
  | 'publishTo'
  | 'resetGroup'
  | 'tail'
  | 'status'
>
